"""torch checkpoints: zip and legacy, weights, optimizers, whole modules, TorchScript."""

from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bench.benign.sample import Sample, pickled

NEEDS = ("torch",)


def _saved(name: str, what: str, value: Any, **options: Any) -> Sample:
    return Sample(name, what, lambda path: torch.save(value, path, **options))


def _net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 2)
    )


def weights() -> Iterator[Sample]:
    state = _net().state_dict()
    yield _saved("weights.pt", "a state_dict", state)
    yield _saved(
        "weights-legacy.pt", "a state_dict, legacy", state, _use_new_zipfile_serialization=False
    )
    yield _saved("weights-p4.pt", "a state_dict, protocol 4", state, pickle_protocol=4)
    yield _saved("weights.bin", "a state_dict as plain dict", dict(state))
    yield pickled("weights-pickle.pkl", "a state_dict by plain pickle", state)
    half = OrderedDict((name, value.bfloat16()) for name, value in state.items())
    yield _saved("weights-bf16.pt", "a bfloat16 state_dict", half)
    yield _saved("parameter.pt", "a Parameter", nn.Parameter(torch.ones(3)))


def tensors() -> Iterator[Sample]:
    kinds = "float64 float16 bfloat16 int8 int16 int32 int64 uint8 bool complex64 float8_e4m3fn"
    many = {kind: torch.zeros(3, 2, dtype=getattr(torch, kind)) for kind in kinds.split()}
    yield _saved("tensor-types.pt", "tensors of many types", many)
    views = torch.arange(12.0).reshape(3, 4)
    yield _saved("tensor-views.pt", "views of one storage", [views, views.t(), views[1:, ::2]])
    yield _saved(
        "tensor-grad.pt", "a tensor that wants a gradient", torch.ones(2, requires_grad=True)
    )
    sparse = torch.eye(3).to_sparse()
    yield _saved("sparse-coo.pt", "a sparse COO tensor", sparse)
    yield _saved("sparse-csr.pt", "a sparse CSR tensor", torch.eye(3).to_sparse_csr())
    quantised = torch.quantize_per_tensor(torch.ones(4), 0.1, 0, torch.qint8)
    yield _saved("quantised.pt", "a quantised tensor", quantised)
    channels = torch.quantize_per_channel(
        torch.ones(2, 2), torch.tensor([0.1, 0.2]), torch.tensor([0, 0]), 0, torch.qint8
    )
    yield _saved("quantised-channels.pt", "a tensor quantised by channel", channels)
    yield _saved(
        "sizes.pt",
        "a Size, a dtype, a device",
        [torch.Size([1, 2]), torch.float32, torch.device("cpu")],
    )


def checkpoints() -> Iterator[Sample]:
    net = _net()
    for kind in ("SGD", "Adam", "AdamW", "RMSprop"):
        optimizer = getattr(torch.optim, kind)(net.parameters(), lr=0.1)
        net(torch.ones(1, 1, 4, 4)).sum().backward()
        optimizer.step()
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2)
        checkpoint = {
            "epoch": 3,
            "model": net.state_dict(),
            "optimizer": optimizer.state_dict(),
            "schedule": schedule.state_dict(),
            "rng": torch.get_rng_state(),
            "args": {"lr": 0.1, "name": "x"},
        }
        yield _saved(f"checkpoint-{kind}.pt", f"a checkpoint with {kind}", checkpoint)
    yield _saved("optimizer.pt", "a whole Adam optimizer", torch.optim.Adam(net.parameters()))


def modules() -> Iterator[Sample]:
    yield _saved("module.pt", "a whole Sequential", _net())
    yield _saved(
        "module-legacy.pt", "the same, legacy", _net(), _use_new_zipfile_serialization=False
    )
    yield _saved("lstm.pt", "a whole LSTM", nn.LSTM(2, 3))
    yield _saved("transformer.pt", "a whole transformer layer", nn.TransformerEncoderLayer(8, 2, 8))
    layers = [
        nn.Embedding(5, 2),
        nn.LayerNorm(2),
        nn.GRU(2, 2),
        nn.Dropout(),
        nn.GELU(),
        nn.MaxPool2d(2),
        nn.AvgPool1d(2),
        nn.ConvTranspose2d(1, 1, 2),
        nn.MultiheadAttention(4, 2),
        nn.CrossEntropyLoss(),
        nn.Identity(),
        nn.Softmax(-1),
        nn.GroupNorm(1, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Upsample(scale_factor=2),
        nn.PReLU(),
    ]
    yield _saved("layers.pt", "a ModuleList of common layers", nn.ModuleList(layers))
    table = nn.ModuleDict(
        {"a": nn.Linear(1, 1), "b": nn.ParameterList([nn.Parameter(torch.ones(1))])}
    )
    yield _saved("module-dict.pt", "a ModuleDict", table)


def data() -> Iterator[Sample]:
    pair = torch.utils.data.TensorDataset(torch.ones(3, 2), torch.zeros(3))
    yield _saved("dataset.pt", "a TensorDataset", pair)
    yield _saved("subset.pt", "a Subset", torch.utils.data.Subset(pair, [0, 1]))


def scripts() -> Iterator[Sample]:
    def script(path: Path) -> None:
        torch.jit.save(torch.jit.script(_net()), str(path))

    def trace(path: Path) -> None:
        torch.jit.save(torch.jit.trace(_net().eval(), torch.ones(1, 1, 4, 4)), str(path))

    yield Sample("scripted.pt", "a scripted module", script)
    yield Sample("traced.pt", "a traced module", trace)


GROUPS = (weights, tensors, checkpoints, modules, data, scripts)
