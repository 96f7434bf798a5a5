"""Writes src/probatum/rules/tensorflow_ops.toml from an unpacked TensorFlow wheel, unimported.

Usage: python tools/derive_tensorflow_ops.py PATH/TO/site-packages/tensorflow > tensorflow_ops.toml

Every op of TensorFlow has a Python wrapper in a generated module `gen_<family>_ops.py`, which
names it. A family is taken as a whole after review of its ops' kernels; EFFECTS takes out the ops
that reach beyond memory. An op that stands nowhere is unknown, and stays so.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

PURE = (
    "array audio batch bitwise boosted_trees candidate_sampling clustering composite_tensor "
    "control_flow count ctc cudnn_rnn data_flow encode_proto functional image linalg list lookup "
    "manip map math nn optional parsing ragged_array ragged_conversion ragged_math random "
    "random_index_shuffle resource_variable rnn sdca set sparse special_math spectral state "
    "stateful_random stateless_random string training uniform_quant"
)
ALSO = {
    "logging": "Assert AudioSummary AudioSummaryV2 HistogramSummary ImageSummary MergeSummary "
    "ScalarSummary TensorSummary TensorSummaryV2",
    "dataset": "AnonymousIterator AnonymousIteratorV2 AnonymousIteratorV3 BatchDataset "
    "BatchDatasetV2 ConcatenateDataset DatasetCardinality DatasetToSingleElement DeleteIterator "
    "FilterDataset FlatMapDataset IteratorGetNext IteratorGetNextSync MakeIterator MapDataset "
    "MapDefun OptionsDataset PaddedBatchDataset PaddedBatchDatasetV2 ParallelMapDataset "
    "ParallelMapDatasetV2 PrefetchDataset RangeDataset ReduceDataset RepeatDataset ShardDataset "
    "ShuffleDataset ShuffleDatasetV2 ShuffleDatasetV3 SkipDataset SparseTensorSliceDataset "
    "TakeDataset TensorDataset TensorSliceDataset WindowDataset ZipDataset",
}
# What running each does beyond memory: taken from its kernel in tensorflow/core/kernels.
EFFECTS = {
    "reads files": "CSVDataset CacheDataset CacheDatasetV2 FixedLengthRecordDataset "
    "FixedLengthRecordDatasetV2 FixedLengthRecordReader FixedLengthRecordReaderV2 "
    "FixedUnigramCandidateSampler GenerateVocabRemapping ImmutableConst LMDBDataset LMDBReader "
    "LoadAndRemapMatrix LoadDataset MatchingFiles MatchingFilesDataset ReadFile RecordInput "
    "SqlDataset TFRecordDataset TFRecordDatasetV2 TFRecordReader TFRecordReaderV2 "
    "TextLineDataset TextLineReader TextLineReaderV2 WholeFileReader WholeFileReaderV2",
    "writes files": "CreateSummaryDbWriter CreateSummaryFileWriter DatasetToTFRecord "
    "SaveDataset SaveDatasetV2 SnapshotDataset SnapshotDatasetV2 WriteFile",
    "calls Python": "EagerPyFunc PyFunc PyFuncStateless",
    "ends the process": "Abort",
    "sends or receives over the network": "CollectiveInitializeCommunicator DataServiceDataset "
    "DataServiceDatasetV2 DataServiceDatasetV3 DataServiceDatasetV4 RegisterDataset "
    "RegisterDatasetV2 RemoteCall RpcCall RpcClient RpcServer RpcServerStart",
    "sets up file systems": "FileSystemSetConfiguration",
    "sends tensors to a debugger's address or file": "DebugIdentity DebugIdentityV2 "
    "DebugIdentityV3 DebugNanCount DebugNumericSummary DebugNumericSummaryV2",
}
# Reading and writing the model's own variables and vocabularies: judged by where the path is from.
CHECKPOINTS = {
    "save": "MergeV2Checkpoints Save SaveSlices SaveV2 ShardedFilename ShardedFilespec",
    "restore": "Restore RestoreSlice RestoreV2",
    "vocabulary": "InitializeTableFromTextFile InitializeTableFromTextFileV2",
}


def main(tensorflow: Path) -> None:
    taken = {op for row in (EFFECTS | CHECKPOINTS).values() for op in row.split()}
    print("# Made by tools/derive_tensorflow_ops.py: change that, not this.")
    print('source = "tensorflow 2.21.0, gen_*_ops.py by ast, kernels reviewed by family"\n')
    print("# Ops that compute on memory alone.\n[pure]")
    for family in PURE.split():
        ops = set(_ops(tensorflow / f"python/ops/gen_{family}_ops.py")) - taken
        print(_row(family, ops))
    for family, names in ALSO.items():
        print(_row(family, set(names.split()) - taken))
    print("\n# What running each of these does beyond memory.\n[effects]")
    for does, names in EFFECTS.items():
        print(_row(f'"{does}"', set(names.split())))
    print("\n# A checkpoint's own reading and writing, judged by where its path comes from.")
    print("[checkpoints]")
    for name, names in CHECKPOINTS.items():
        print(_row(name, set(names.split())))


def _ops(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            said = getattr(node.args[0], "value", None)
            if node.func.attr == "execute" and isinstance(said, bytes):
                yield said.decode()
            elif node.func.attr == "_apply_op_helper" and isinstance(said, str):
                yield said


def _row(name: str, ops: set[str]) -> str:
    lines, line = [], ""
    for op in sorted(ops):
        if len(line) + len(op) > 95:
            lines.append(line.rstrip())
            line = ""
        line += op + " "
    return f'{name} = """\n' + "\n".join([*lines, line.rstrip()]) + '"""'


if __name__ == "__main__":
    main(Path(sys.argv[1]))
