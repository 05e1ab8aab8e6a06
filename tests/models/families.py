"""Tiny models of every family that plaudit packs, with random weights."""

import torch
from transformers import (
    AutoModelForSequenceClassification,
    BertConfig,
    DebertaV2Config,
    Gemma2Config,
    GPT2Config,
    GPTNeoXConfig,
    LlamaConfig,
    MistralConfig,
    ModernBertConfig,
    OPTConfig,
    PreTrainedConfig,
    PreTrainedModel,
    Qwen2Config,
    Qwen3Config,
    RobertaConfig,
)

SIZE = {
    "vocab_size": 99,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 256,
}
SOFTCAP = 0.1
"""A bound on the attention scores so low that losing it shows in the rewards."""

GROUPED = SIZE | {"num_key_value_heads": 2}


def decoders(window: int | None = None) -> dict[str, PreTrainedConfig]:
    """Return a tiny configuration of every causal family; those with windows get ``window``."""
    qwen = {"use_sliding_window": window is not None, "sliding_window": window, "max_window_layers": 0}
    families: dict[str, PreTrainedConfig] = {
        "mistral": MistralConfig(**GROUPED, sliding_window=window),
        "qwen2": Qwen2Config(**GROUPED, **qwen),
        "qwen3": Qwen3Config(**GROUPED, **qwen, head_dim=8),
        "gemma2": Gemma2Config(
            **GROUPED,
            head_dim=8,
            sliding_window=window or 4096,
            query_pre_attn_scalar=8,
            attn_logit_softcapping=SOFTCAP,
        ),
    }
    if window is None:
        families |= {
            "llama": LlamaConfig(**GROUPED),
            "gpt2": GPT2Config(vocab_size=99, n_embd=32, n_layer=2, n_head=4, n_positions=256),
            "gpt_neox": GPTNeoXConfig(**SIZE),
            "opt": OPTConfig(
                vocab_size=99,
                hidden_size=32,
                ffn_dim=48,
                num_hidden_layers=2,
                num_attention_heads=4,
                max_position_embeddings=256,
                word_embed_proj_dim=32,
            ),
        }
    return families


def encoders() -> dict[str, PreTrainedConfig]:
    """Return a tiny configuration of every encoder family."""
    return {
        "bert": BertConfig(**SIZE),
        "roberta": RobertaConfig(**SIZE, pad_token_id=1),
        "modernbert": ModernBertConfig(
            **SIZE,
            local_attention=8,
            global_attn_every_n_layers=2,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
            cls_token_id=1,
            sep_token_id=2,
        ),
        "deberta_v2": DebertaV2Config(
            **SIZE, relative_attention=True, pos_att_type=["p2c", "c2p"], pooler_hidden_size=32
        ),
    }


def build(config: PreTrainedConfig, seed: int = 0, heads: int = 1) -> PreTrainedModel:
    """Build a classifier with weights large enough for rewards to differ, and no dropout; one label unless told."""
    torch.manual_seed(seed)
    config.num_labels, config.problem_type = heads, "regression"
    config.pad_token_id = 0 if config.pad_token_id is None or config.pad_token_id < 0 else config.pad_token_id
    for name, value in list(vars(config).items()):
        if ("dropout" in name or name.endswith("pdrop")) and isinstance(value, float):
            setattr(config, name, 0.0)
    model = AutoModelForSequenceClassification.from_config(config, attn_implementation="eager")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    return model
