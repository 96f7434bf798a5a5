"""The effect summaries are well formed, and none of them lets a known gadget fire."""

import json
import re
import time
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import probatum.rules
from probatum.formats import effects

FOLDER = Path(probatum.rules.__file__).parent / "effects"
REVIEWED = sorted(path for path in FOLDER.glob("*.toml") if path.stem != "shapes")
DERIVED = sorted((FOLDER / "derived").glob("*.json"))
FIELDS = {
    "names", "class", "call", "new", "build", "attributes", "arrays", "items", "hash", "returns",
    "data", "why", "whole",
}  # fmt: skip
NAMED_SLOTS = {
    "never",
    "any",
    "data",
    "tree",
    "none",
    "bool",
    "int",
    "float",
    "str",
    "bytes",
    "bytearray",
    "complex",
    "tuple",
    "list",
    "dict",
    "set",
    "frozenset",
    "class",
    "hashables",
    "pairs",
    "state",
    "slots",
    "dtype-code",
    "dtype",
    "dtype-state",
    "plain-dtype",
    "ndarray-state",
    "masked-state",
    "arrays",
    "rows",
    "number-rows",
    "version",
}
BUILT_IN_RESULTS = {
    "data",
    "opaque",
    "new:0",
    "arg:0",
    "bytes",
    "str",
    "int",
    "float",
    "complex",
    "bytearray",
    "bool",
    "none",
    "tuple",
    "list",
    "dict",
    "set",
    "frozenset",
} | {""}
GADGETS = [
    "",
    "builtins: eval exec compile __import__ open input",
    "builtins: print getattr setattr delattr globals locals vars",
    "builtins: map filter zip enumerate reversed sorted max",
    "builtins: min sum any all iter next callable breakpoint",
    "builtins: help exit quit memoryview staticmethod classmethod property super",
    "os: system popen execv execve execl execlp execvp spawnl spawnv spawnve fork kill",
    "os: remove unlink rmdir",
    "os: rename replace link symlink chmod chown",
    "os: mkdir makedirs removedirs putenv startfile open fdopen",
    "os: listdir scandir walk chdir truncate write read _wrap_close",
    "posix: system popen execv fork kill remove unlink rmdir rename open write",
    "nt: system remove unlink",
    "subprocess: Popen call run check_call check_output getoutput getstatusoutput",
    "pty: spawn fork",
    "pickle: load loads Unpickler",
    "_pickle: load loads Unpickler",
    "marshal: load loads",
    "types: FunctionType CodeType ModuleType MethodType LambdaType SimpleNamespace",
    "functools: partial partialmethod reduce singledispatch cached_property lru_cache",
    "operator: methodcaller call itruediv iconcat setitem delitem",
    "importlib: import_module reload __import__",
    "runpy: run_path run_module",
    "code: interact InteractiveConsole InteractiveInterpreter",
    "codeop: compile_command",
    "timeit: timeit repeat Timer",
    "cProfile: run runctx",
    "profile: run runctx",
    "trace: Trace",
    "pdb: run runcall runeval Pdb",
    "bdb: Bdb",
    "doctest: debug_script testfile",
    "ctypes: CDLL cdll PyDLL windll CFUNCTYPE cast memmove string_at",
    "ctypes.util: find_library",
    "socket: socket create_connection",
    "http.client: HTTPConnection HTTPSConnection",
    "urllib.request: urlopen urlretrieve",
    "ftplib: FTP",
    "smtplib: SMTP",
    "webbrowser: open open_new",
    "shutil: rmtree copy copyfile copytree move make_archive unpack_archive",
    "tempfile: mktemp mkstemp TemporaryFile NamedTemporaryFile TemporaryDirectory",
    "pathlib: Path.write_text Path.unlink Path.open PosixPath.write_bytes",
    "io: open FileIO open_code",
    "_io: open FileIO",
    "codecs: open",
    "fileinput: input FileInput",
    "linecache: getline",
    "zipfile: ZipFile",
    "tarfile: open TarFile",
    "gzip: open GzipFile",
    "bz2: open",
    "lzma: open",
    "sqlite3: connect",
    "dbm: open",
    "shelve: open",
    "logging.config: fileConfig dictConfig listen",
    "logging: FileHandler",
    "atexit: register",
    "signal: signal alarm",
    "threading: Thread Timer",
    "multiprocessing: Process Pool",
    "concurrent.futures: ProcessPoolExecutor",
    "asyncio: create_subprocess_shell run",
    "sys: exit setrecursionlimit settrace setprofile",
    "gc: get_objects",
    "weakref: finalize",
    "inspect: getattr_static",
    "ast: literal_eval",
    "site: addsitedir main",
    "pip: main",
    "ensurepip: bootstrap",
    "venv: create",
    "idlelib.run: Executive",
    "pydoc: pipepager locate",
    "xmlrpc.client: ServerProxy",
    "distutils.spawn: spawn",
    "setuptools: sandbox",
    "numpy: load loadtxt fromfile save savez memmap fromregex genfromtxt vectorize frompyfunc",
    "numpy: apply_along_axis fromfunction asarray array dtype.__new__",
    "numpy.lib._datasource: DataSource open Repository",
    "numpy.lib.npyio: load NpzFile DataSource",
    "numpy.f2py: compile run_main",
    "numpy.testing._private.utils: runstring rundocs",
    "numpy.core._internal: _ctypes",
    "numpy.core: _ufunc_reconstruct",
    "numpy.ctypeslib: load_library",
    "numpy.distutils.exec_command: exec_command",
    "scipy.io: loadmat",
    "scipy.stats._distn_infrastructure: rv_frozen",
    "torch: load save compile hub jit",
    "torch.serialization: load save _load",
    "torch.storage: _load_from_bytes",
    "torch.hub: load load_state_dict_from_url download_url_to_file",
    "torch.jit: load script trace",
    "torch.utils.cpp_extension: load load_inline",
    "torch.fx._symbolic_trace: Tracer",
    "torch.fx.graph_module: reduce_graph_module reduce_package_graph_module _forward_from_src",
    "torch._tensor: _rebuild_from_type_v2",
    "torch._utils: _rebuild_wrapper_subclass",
    "torch.utils.data.dataloader: DataLoader",
    "torch.distributed: init_process_group",
    "torch.utils.collect_env: run",
    "joblib: load Memory Parallel",
    "joblib.numpy_pickle: load",
    "joblib.numpy_pickle_compat: load_compatibility",
    "joblib.memory: Memory",
    "sklearn.utils._testing: raises",
    "sklearn.datasets: fetch_openml load_svmlight_file load_files",
    "pandas: read_pickle read_csv read_sql eval read_html",
    "pandas.io.pickle: read_pickle",
    "pandas.core.computation.eval: eval",
    "pandas.io.common: get_handle",
    "dill: load loads",
    "dill._dill: _create_function _create_code _create_type _import_module _eval_repr _load_type",
    "dill._dill: _create_ftype _create_cell _get_attr _getattribute",
    "cloudpickle.cloudpickle: _make_function _builtin_type _make_skeleton_class subimport",
    "cloudpickle.cloudpickle: dynamic_subimport",
    "cloudpickle.cloudpickle: _function_setstate _class_setstate _fill_function _gen_ellipsis",
    "cloudpickle: load loads",
    "lightgbm.basic: Booster Dataset",
    "xgboost.core: Booster DMatrix",
    "catboost.core: CatBoostClassifier CatBoost Pool",
    "sympy: sympify",
    "sympy.core.sympify: sympify",
    "yaml: load unsafe_load",
    "jinja2: Template",
    "",
]


def _gadgets() -> list[str]:
    found = []
    for line in filter(None, GADGETS):
        module, _, names = line.partition(": ")
        found += [f"{module}:{name}" for name in names.split()]
    return found


def _rows(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = tomllib.loads(path.read_text("utf-8")).get("row", [])
    return rows


def _shapes() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for path in [*REVIEWED, FOLDER / "shapes.toml"]:
        found |= tomllib.loads(path.read_text("utf-8")).get("shape", {})
    return found


def _slots(row: dict[str, Any]) -> list[str]:
    listed = [slot for field in ("call", "new") for slots in row.get(field, []) for slot in slots]
    return [*listed, *row.get("build", []), *row.get("attributes", {}).values()]


def _options(slot: str) -> list[str]:
    """The single slots in a slot: alternatives, and what stands inside brackets."""
    if slot.startswith("="):
        return slot.rstrip("*?").split("|")
    found = []
    for piece in re.split(r"[|(){},]", slot.rstrip("*?").replace("each:", "|")):
        inner = re.sub(r"^[\w.]+!?=", "", piece)
        if inner:
            found.append(piece if piece.startswith("=") else inner)
    return found


def _every_row() -> list[tuple[str, dict[str, Any]]]:
    return [(path.stem, row) for path in REVIEWED for row in _rows(path)]


@pytest.mark.parametrize("path", REVIEWED, ids=lambda path: path.stem)
def test_a_file_says_what_was_read_and_of_which_versions(path: Path) -> None:
    head = tomllib.loads(path.read_text("utf-8"))
    assert head["distribution"] and head["versions"] and head["reviewed"]


def test_every_row_says_why_and_has_only_known_fields() -> None:
    for package, row in _every_row():
        assert set(row) <= FIELDS, row
        assert len(row["why"]) > 10, row["names"]
        for name in row["names"]:
            assert name.partition(":")[0].partition(".")[0] == package, name
            assert name.count(":") == 1


def test_every_shape_is_a_class_with_a_reason() -> None:
    for name, shape in _shapes().items():
        assert shape["class"] is True and shape["why"], name
        assert set(shape) <= FIELDS - {"names"}


def test_every_slot_belongs_to_the_language() -> None:
    for row in [row for _, row in _every_row()] + list(_shapes().values()):
        for slot in _slots(row):
            for option in _options(slot):
                if option.startswith("="):
                    json.loads(option[1:])
                elif ":" in option:
                    assert effects.row(option.removeprefix("class:")), option
                else:
                    assert option in NAMED_SLOTS, option


def test_every_result_is_a_kind_or_has_a_summary() -> None:
    for _, row in _every_row():
        returns = row.get("returns", "")
        assert returns in BUILT_IN_RESULTS or effects.row(returns), returns


def test_no_name_has_two_rows() -> None:
    counted = Counter(name for _, row in _every_row() for name in row["names"])
    assert [name for name, times in counted.items() if times > 1] == []


def test_names_that_a_slot_tells_apart_do_not_share_a_row() -> None:
    """A slot `M:N` holds for every name of N's row, so those must be one thing, or kin."""
    kin = {
        "torch:FloatStorage",
        "torch:float32",
        "torch:per_tensor_affine",
        "torch:sparse_coo",
        "numpy:float64",
        "sklearn.metrics._dist_metrics:EuclideanDistance64",
        "pandas:Int64Dtype",
        "pandas:Float64Dtype",
        "pandas._libs.tslibs.offsets:Day",
    }
    wanted = {
        option.removeprefix("class:")
        for _, row in _every_row()
        for slot in _slots(row)
        for option in _options(slot)
        if ":" in option and not option.startswith("=")
    }
    for _, row in _every_row():
        if wanted & set(row["names"]) - kin:
            last = {name.rpartition(":")[2].rstrip("0123456789") for name in row["names"]}
            assert len(last) == 1, row["names"]


def test_there_are_at_least_300_gadgets_to_try() -> None:
    assert len(set(_gadgets())) >= 300


def test_no_known_gadget_can_be_called() -> None:
    dangerous = set(effects.dangers()) | set(_gadgets())
    for name in sorted(dangerous):
        row = effects.row(name)
        assert row is None or not row.call, name


def test_a_class_with_a_finaliser_or_an_exec_in_its_state_has_no_summary() -> None:
    for name in (
        "numpy.lib._datasource:DataSource",
        "scipy.stats._continuous_distns:norm_gen",
        "lightgbm.basic:Booster",
        "xgboost.core:Booster",
        "catboost.core:CatBoostClassifier",
        "torch.utils.data.dataloader:_MultiProcessingDataLoaderIter",
        "joblib.pool:MemmappingPool",
    ):
        assert effects.row(name) is None, name


def test_the_only_call_of_type_is_that_of_none() -> None:
    row = effects.row("builtins:type")
    assert row is not None and row.call == (("none",),) and row.returns == "opaque"


def test_what_is_code_is_never_certified_as_data() -> None:
    for _, row in _every_row():
        if row.get("returns") == "opaque":
            assert not row.get("data"), row["names"]


@pytest.mark.parametrize("path", DERIVED, ids=lambda path: path.stem)
def test_derived_classes_name_a_shape_that_exists(path: Path) -> None:
    derived = json.loads(path.read_text("utf-8"))
    shapes = _shapes()
    assert derived["distribution"] and derived["versions"] and derived["classes"]
    for name, entry in derived["classes"].items():
        assert entry["shape"] in shapes, name
        assert set(entry["versions"]) <= set(derived["versions"])
        assert len(entry["source"]) == 64


@pytest.mark.parametrize("path", DERIVED, ids=lambda path: path.stem)
def test_a_derived_file_is_sorted_small_and_quick_to_load(path: Path) -> None:
    text = path.read_bytes()
    names = list(json.loads(text)["classes"])
    assert names == sorted(names)
    assert len(text) < 300_000
    started = time.process_time()
    json.loads(text)
    assert time.process_time() - started < 0.020


@pytest.mark.parametrize("path", DERIVED, ids=lambda path: path.stem)
def test_no_reviewed_name_is_derived_as_well(path: Path) -> None:
    reviewed = {name for _, row in _every_row() for name in row["names"]}
    assert not reviewed & set(json.loads(path.read_text("utf-8"))["classes"])


@pytest.mark.parametrize("package", ["a" * 255, "shapes", "../effects/builtins", "a\0b", ""])
def test_a_name_from_a_file_is_never_part_of_a_path(package: str) -> None:
    assert effects.row(f"{package}:print") is None
