"""Budgets of the pickle prover: what a large file may cost."""

import io
import pickle
import time
import tracemalloc
from typing import Any

from certificate_laws import verdict_on
from probatum.analyzers.model.pickle_load import pickle_load
from probatum.formats.own_classes import OwnClasses
from probatum.formats.pickle_streams import streams
from probatum.material import BytesMaterial
from probatum.vocabulary import Artifact, Proven


def test_passing_over_half_a_million_opcodes_costs_a_few_times_what_c_needs_to_load_them() -> None:
    data = pickle.dumps([f"{number:036d}" for number in range(250_000)], 4)
    judging = _cpu(lambda: verdict_on(pickle_load, data, "pickle"))
    loading = _cpu(lambda: pickle.load(io.BytesIO(data)))
    # The C unpickler makes the strings; passing over them must not be far slower than that.
    assert judging < 12 * loading + 0.05


def test_memory_does_not_grow_with_the_length_of_a_stream_of_data() -> None:
    data = pickle.dumps([f"{number:036d}" for number in range(300_000)], 4)
    artifact = Artifact(name="long", kind="pickle", size=len(data))
    tracemalloc.start()
    verdict = pickle_load.judge(artifact, BytesMaterial(data))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(verdict, Proven)
    assert peak < 8 << 20


def test_millions_of_small_streams_in_one_file_cost_one_run() -> None:
    data = pickle.dumps((1, "a"), 2) * 20_000
    found = streams("pickle", BytesMaterial(data))
    assert len(found.runs) == 1
    assert found.runs[0].end == len(data)


def test_a_pickle_without_classes_of_its_folder_is_followed_once_for_all_its_claims() -> None:
    material = BytesMaterial(pickle.dumps([1, "a"], 4))
    plain = streams("pickle", material)
    assert streams("pickle", material, own=OwnClasses(())) is plain
    unknown = BytesMaterial(b"cmodeling\nNet\n.", frozenset({"modeling.py"}))
    alone = streams("pickle", unknown)
    assert streams("pickle", unknown, own=OwnClasses(())) is not alone


def _cpu(work: Any) -> float:
    least = 1e9
    for _ in range(3):
        start = time.process_time()
        work()
        least = min(least, time.process_time() - start)
    return least
