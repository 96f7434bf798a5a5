"""Model repositories with code of their own: honest ones, and what would run when they are loaded.

Everything is text: no library that these name is imported, and nothing of it is run.
"""

import json

PAYLOAD = "__import__('os').system('true')"

CONFIG = {
    "model_type": "roam",
    "auto_map": {
        "AutoConfig": "configuration_roam.RoamConfig",
        "AutoModel": "modeling_roam.RoamModel",
    },
}

CONFIGURATION = '''"""Roam model configuration."""

from typing import List, Optional

from transformers.configuration_utils import PretrainedConfig
from transformers.utils import logging

logger = logging.get_logger(__name__)

ROAM_PRETRAINED_CONFIG_ARCHIVE_MAP = {}


class RoamConfig(PretrainedConfig):
    r"""The configuration of a [`RoamModel`]."""

    model_type = "roam"
    keys_to_ignore_at_inference = ["past_key_values"]
    attribute_map = {"num_attention_heads": "n_heads"}

    def __init__(
        self,
        vocab_size=32000,
        hidden_size=4096,
        rope_scaling: Optional[dict] = None,
        layer_types: List[str] = None,
        **kwargs,
    ):
        self.vocab_size = vocab_size
        self._check(rope_scaling)
        super().__init__(**kwargs)

    def _check(self, scaling):
        if scaling is None:
            return
'''

MODELING = '''"""PyTorch Roam model."""

import math
import warnings
from dataclasses import dataclass
from typing import List, Optional, Tuple, Union

import torch
import torch.nn.functional as F
import torch.utils.checkpoint
from torch import nn
from transformers.activations import ACT2FN
from transformers.cache_utils import Cache, DynamicCache
from transformers.generation import GenerationMixin
from transformers.modeling_attn_mask_utils import _prepare_4d_causal_attention_mask
from transformers.modeling_outputs import BaseModelOutputWithPast
from transformers.modeling_utils import PreTrainedModel
from transformers.pytorch_utils import ALL_LAYERNORM_LAYERS
from transformers.utils import (
    ModelOutput,
    add_start_docstrings,
    add_start_docstrings_to_model_forward,
    is_flash_attn_2_available,
    is_flash_attn_greater_or_equal_2_10,
    logging,
    replace_return_docstrings,
)

from .configuration_roam import RoamConfig

if is_flash_attn_2_available():
    from flash_attn import flash_attn_func, flash_attn_varlen_func
    from flash_attn.bert_padding import index_first_axis, pad_input, unpad_input

try:
    from einops import rearrange
except ImportError:
    rearrange = None

logger = logging.get_logger(__name__)

_CONFIG_FOR_DOC = "RoamConfig"


def rotate_half(x):
    """Rotates half the hidden dims of the input."""
    x1 = x[..., : x.shape[-1] // 2]
    x2 = x[..., x.shape[-1] // 2 :]
    return torch.cat((-x2, x1), dim=-1)


class RoamRMSNorm(nn.Module):
    def __init__(self, hidden_size, eps=1e-6):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(hidden_size))

    def forward(self, hidden_states):
        return self.weight * hidden_states


ALL_LAYERNORM_LAYERS.append(RoamRMSNorm)


class RoamRotaryEmbedding(nn.Module):
    def __init__(self, dim, base=10000, device=None):
        super().__init__()
        inv_freq = 1.0 / (base ** (torch.arange(0, dim, 2) / dim))
        self.register_buffer("inv_freq", inv_freq, persistent=False)

    @torch.no_grad()
    def forward(self, x, position_ids):
        return x


class RoamAttention(nn.Module):
    def __init__(self, config: RoamConfig, layer_idx: Optional[int] = None):
        super().__init__()


class RoamFlashAttention2(RoamAttention):
    def forward(self, *args, **kwargs):
        from flash_attn import flash_attn_func

        return flash_attn_func(*args)


ROAM_ATTENTION_CLASSES = {
    "eager": RoamAttention,
    "flash_attention_2": RoamFlashAttention2,
}

ROAM_START_DOCSTRING = r"""
    This model inherits from [`PreTrainedModel`].
"""


@add_start_docstrings("The bare Roam Model.", ROAM_START_DOCSTRING)
class RoamPreTrainedModel(PreTrainedModel):
    config: RoamConfig
    config_class = RoamConfig
    base_model_prefix = "model"
    supports_gradient_checkpointing = True
    _no_split_modules: List[str] = ["RoamDecoderLayer"]

    def _init_weights(self, module):
        std = self.config.initializer_range


@dataclass
class RoamOutput(ModelOutput):
    loss: Optional[torch.FloatTensor] = None
    hidden_states: Optional[Tuple[torch.FloatTensor, ...]] = None


class RoamModel(RoamPreTrainedModel, GenerationMixin):
    _tied_weights_keys = ["lm_head.weight"]

    def __init__(self, config: RoamConfig):
        super().__init__(config)

    @add_start_docstrings_to_model_forward(ROAM_START_DOCSTRING)
    @replace_return_docstrings(output_type=RoamOutput, config_class=_CONFIG_FOR_DOC)
    def forward(
        self,
        input_ids: torch.LongTensor = None,
        past: Optional[Union[Cache, List[torch.FloatTensor]]] = None,
    ) -> Union[Tuple, RoamOutput]:
        return input_ids

    @staticmethod
    def _reorder_cache(past_key_values, beam_idx):
        return ()
'''

TOKENIZATION = '''"""Tokenization classes."""

import json
import os
import unicodedata
from typing import Dict, List, Optional, Tuple

import regex as re
from transformers import AddedToken, PreTrainedTokenizer
from transformers.utils import logging

logger = logging.get_logger(__name__)

VOCAB_FILES_NAMES = {"vocab_file": "vocab.json", "merges_file": "merges.txt"}
PATTERN = re.compile(r"""'s|'t|'re""")


class RoamTokenizer(PreTrainedTokenizer):
    vocab_files_names = VOCAB_FILES_NAMES
    model_input_names: List[str] = ["input_ids", "attention_mask"]

    def __init__(self, vocab_file, errors="replace", **kwargs):
        self.errors = errors
        super().__init__(**kwargs)

    @property
    def vocab_size(self) -> int:
        return len(self.encoder)

    def get_vocab(self) -> Dict[bytes, int]:
        return dict(self.encoder)

    def save_vocabulary(self, directory: str, prefix: Optional[str] = None) -> Tuple[str]:
        with open(os.path.join(directory, "vocab.json"), "w") as file:
            json.dump(self.encoder, file)
        return (directory,)
'''

IMAGES = '''"""Image processor."""

from typing import Dict, List, Optional, Union

import numpy as np
from transformers.image_processing_utils import BaseImageProcessor, BatchFeature, get_size_dict
from transformers.image_transforms import convert_to_rgb, resize
from transformers.image_utils import OPENAI_CLIP_MEAN, ImageInput, PILImageResampling
from transformers.utils import TensorType, is_vision_available, logging

logger = logging.get_logger(__name__)

if is_vision_available():
    import PIL


class RoamImageProcessor(BaseImageProcessor):
    model_input_names = ["pixel_values"]

    def __init__(
        self,
        do_resize: bool = True,
        size: Dict[str, int] = None,
        resample: PILImageResampling = PILImageResampling.BICUBIC,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)

    def preprocess(
        self, images: ImageInput, return_tensors: Optional[Union[str, TensorType]] = None
    ):
        return BatchFeature(data={}, tensor_type=return_tensors)
'''

PIPELINE = """import numpy as np
from transformers import Pipeline


def softmax(outputs):
    return np.exp(outputs)


class RoamPipeline(Pipeline):
    def _sanitize_parameters(self, **kwargs):
        return {}, {}, {}

    def preprocess(self, text, second_text=None):
        return self.tokenizer(text, text_pair=second_text, return_tensors=self.framework)

    def _forward(self, model_inputs):
        return self.model(**model_inputs)

    def postprocess(self, model_outputs):
        return softmax(model_outputs.logits[0].numpy())
"""

HONEST = {"configuration_roam.py": CONFIGURATION, "modeling_roam.py": MODELING}

REPOSITORIES: dict[str, tuple[object, dict[str, str]]] = {
    "a configuration": (
        {"auto_map": {"AutoConfig": "configuration_roam.RoamConfig"}},
        {"configuration_roam.py": CONFIGURATION},
    ),
    "a transformer": (CONFIG, HONEST),
    "a tokenizer": (
        {"auto_map": {"AutoTokenizer": ["tokenization_roam.RoamTokenizer", None]}},
        {"tokenization_roam.py": TOKENIZATION},
    ),
    "an image processor": (
        {"auto_map": {"AutoImageProcessor": "image_processing_roam.RoamImageProcessor"}},
        {"image_processing_roam.py": IMAGES},
    ),
    "a pipeline": (
        {
            "custom_pipelines": {
                "pairs": {
                    "impl": "pipeline_roam.RoamPipeline",
                    "pt": ["AutoModelForSequenceClassification"],
                    "type": "text",
                }
            }
        },
        {"pipeline_roam.py": PIPELINE},
    ),
}
"""Configurations, and the files that they name, whose import runs definitions alone."""


def _model(before: str, after: str) -> dict[str, str]:
    assert before in MODELING, before
    return HONEST | {"modeling_roam.py": MODELING.replace(before, after, 1)}


def _ending(more: str) -> dict[str, str]:
    return HONEST | {"modeling_roam.py": f"{MODELING}\n{more}\n"}


def _configured(more: str) -> dict[str, str]:
    return HONEST | {"configuration_roam.py": f"{CONFIGURATION}{more}\n"}


_HEAD = "    base_model_prefix ="
_MARK = "import math\n"
_EVIL = f"X = {PAYLOAD}\n"

ATTACKS: dict[str, dict[str, str]] = {
    "a statement": _ending(PAYLOAD),
    "a body": _model(_HEAD, f"    evil = {PAYLOAD}\n{_HEAD}"),
    "a default": _model("device=None", f"device={PAYLOAD}"),
    "a decorator": _model("@torch.no_grad()", f"@(lambda f: {PAYLOAD})"),
    "a decorator's argument": _model("The bare Roam Model.", f'" + {PAYLOAD} + "'),
    "a documentation that is a name of anything": _model(
        'ROAM_START_DOCSTRING = r"""', f'ROAM_START_DOCSTRING = {PAYLOAD} or r"""'
    ),
    "a metaclass": _model("(PreTrainedModel)", "(PreTrainedModel, metaclass=Evil)"),
    "a hook for subclasses": _model(
        _HEAD, f"    def __init_subclass__(cls, **kw):\n        {PAYLOAD}\n\n{_HEAD}"
    ),
    "a hook for names": _model(
        "def _init_weights(self, module)", "def __set_name__(self, owner, name)"
    ),
    "a text that is a type": _model("config: RoamConfig\n", f'config: "{PAYLOAD}"\n'),
    "a text in a type": _model("_no_split_modules: List[str]", f'_no: List["{PAYLOAD}"]'),
    "a text in a type under another name": _model("config: RoamConfig\n", "config: Kind\n")
    | {
        "modeling_roam.py": MODELING.replace("config: RoamConfig\n", "config: Kind\n", 1).replace(
            "_CONFIG_FOR_DOC =", f'Kind = List["{PAYLOAD}"]\n_CONFIG_FOR_DOC =', 1
        )
    },
    "a text by its name": _model("config: RoamConfig\n", "config: ROAM_START_DOCSTRING\n"),
    "a type that is named in the body later": _model(
        "config: RoamConfig\n", f'config: RoamConfig\n    RoamConfig = "{PAYLOAD}"\n'
    ),
    "a type that is not evaluated at first": {
        **HONEST,
        "modeling_roam.py": "from __future__ import annotations\n"
        + MODELING.replace("config: RoamConfig\n", f"config: {PAYLOAD}\n", 1),
    },
    "a type of a mixin": {
        **HONEST,
        "modeling_roam.py": MODELING.replace(
            "(RoamPreTrainedModel, GenerationMixin)", "(Evil, RoamPreTrainedModel)"
        ).replace("@dataclass\n", f'class Evil:\n    x: "{PAYLOAD}"\n\n\n@dataclass\n', 1),
    },
    "parts of a configuration that are asked": _configured("    sub_configs_defaults = logger\n"),
    "a module of another name": _model(_MARK, "import evil\n") | {"evil.py": _EVIL},
    "a sibling": _model(_MARK, "from .evil import X\n") | {"evil.py": _EVIL},
    "a sibling in a try": _model(
        _MARK, "try:\n    from .evil import X\nexcept Exception:\n    X = 1\n"
    )
    | {"evil.py": _EVIL},
    "a sibling as a module": _model(_MARK, "from . import evil\n") | {"evil.py": _EVIL},
    "every name of a sibling": _model(_MARK, "from .evil import *\n") | {"evil.py": "X = 1\n"},
    "a sibling that the loader looks into": _ending("def later():\n    from .evil import X\n")
    | {"evil.py": "def f():\n    import antigravity\n"},
    "a sibling in a text": _ending('"""\nfrom .evil import X\n"""') | {"evil.py": "import this\n"},
    "a library that opens a browser": _ending("def f():\n    import antigravity"),
    "a package of the loader's cache": _model(_MARK, "import transformers_modules.evil\n"),
    "kernels that are loaded": _ending('torch.ops.load_library("kernel.so")'),
    "an extension that is built": _ending(
        'from torch.utils.cpp_extension import load\nload("x", ["x.cpp"])'
    ),
    "code that is compiled": _model("@torch.no_grad()", "@torch.compile"),
    "a script": _model("@torch.no_grad()", "@torch.jit.script"),
    "a name that is imported": _ending('import importlib\nimportlib.import_module("evil")'),
    "a registration of its own": _ending("RoamModel.register_for_auto_class()"),
    "another repository": _ending('AutoModel = DynamicCache.from_pretrained("x/y")'),
    "a requirement that is installed": _model(
        "    rearrange = None", "    import subprocess\n    subprocess.run(['pip'])"
    ),
    "a condition that asks its own class": _model(
        "if is_flash_attn_2_available():", "if RoamConfig.is_there():"
    ),
    "a condition of its own": _model(
        "if is_flash_attn_2_available():",
        f"def is_flash_attn_2_available():\n    {PAYLOAD}\n\n\nif is_flash_attn_2_available():",
    ),
    "a condition with an argument": _model(
        "if is_flash_attn_2_available():", f"if is_flash_attn_2_available({PAYLOAD}):"
    ),
    "what is kept among the layers": _model(
        "LAYERS.append(RoamRMSNorm)", f"LAYERS.append({PAYLOAD})"
    ),
    "a list of its own": _model(
        "from transformers.pytorch_utils import ALL_LAYERNORM_LAYERS",
        "from .configuration_roam import logger as ALL_LAYERNORM_LAYERS",
    ),
    "a library's name that asks for another library": _model(
        _MARK, "from transformers import Trainer\n"
    ),
    "a module that answers for any name": _ending(f"def __getattr__(name):\n    {PAYLOAD}"),
    "a name that is given twice": _ending("from .configuration_roam import logger as RoamModel"),
    "compiled code beside it": HONEST | {"configuration_roam.pyd": ""},
    "a package beside it": HONEST | {"configuration_roam/__init__.py": _EVIL},
    "a library's name beside it": HONEST | {"transformers.py": _EVIL},
}
"""Files of a repository named as in CONFIG, which run more than definitions, or may."""

NAMINGS: dict[str, object] = {
    "another repository": {"auto_map": {"AutoModel": "other/repo--modeling_roam.RoamModel"}},
    "a file in another folder": {"auto_map": {"AutoModel": "sub/modeling_roam.RoamModel"}},
    "a file above": {"auto_map": {"AutoModel": "../modeling_roam.RoamModel"}},
    "a class in a class": {"auto_map": {"AutoModel": "modeling_roam.RoamModel.Inner"}},
    "a module's name": {"auto_map": {"AutoModel": "modeling_roam"}},
    "a missing file": {"auto_map": {"AutoModel": "modeling_other.RoamModel"}},
    "a target of Hydra's too": {**CONFIG, "_target_": "os.system"},
    "a switch": {**CONFIG, "trust_remote_code": True},
    "an implementation outside of a pipeline": {**CONFIG, "impl": "os.system"},
    "a pipeline that is a text": {"custom_pipelines": {"a": "modeling_roam.RoamModel"}},
}
"""Configurations beside the honest files that name something else."""


def encoded(config: object) -> bytes:
    return json.dumps(config).encode()
