"""Tiny tokenizers shaped like the families people train on, trained in memory; no download."""

from functools import cache

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

TEXTS = [
    "The quick brown fox jumps over the lazy dog; the dog sleeps, and the fox runs.",
    "Human: how are you? Assistant: I am fine, thank you. And how are you today?",
    "A reward model learns which answer people prefer: this one or that one.",
]

CHATML = (
    "{% for m in messages %}{% if loop.first and m['role'] != 'system' %}"
    "{{ '<|im_start|>system\\nYou are a kind robot.<|im_end|>\\n' }}{% endif %}"
    "{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>' + '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
DATED = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{% set words = messages[0]['content'] | trim %}"
    "{% set messages = messages[1:] %}{% else %}{% set words = '' %}{% endif %}"
    "{{ '<|start_header_id|>system<|end_header_id|>\\n\\nToday is ' + strftime_now('%d %b %Y') + '\\n\\n' + words }}"
    "{{ '<|eot_id|>' }}{% for m in messages %}{% if m['role'] == 'tool' %}"
    "{{ '<|start_header_id|>ipython<|end_header_id|>\\n\\n' + (m['content'] | tojson) + '<|eot_id|>' }}{% else %}"
    "{{ '<|start_header_id|>' + m['role'] + '<|end_header_id|>\\n\\n' + m['content'] | trim + '<|eot_id|>' }}"
    "{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}"
)
THINKING = (
    "{% set state = namespace(last=-1) %}{% for m in messages %}{% if m['role'] == 'user' %}"
    "{% set state.last = loop.index0 %}{% endif %}{% endfor %}{% for m in messages %}"
    "{{ '<|im_start|>' + ('user' if m['role'] == 'tool' else m['role']) + '\\n' }}"
    "{% if m['role'] == 'assistant' and loop.index0 > state.last %}{{ '<think>\\n\\n</think>\\n\\n' }}{% endif %}"
    "{{ '<result>' + m['content'] + '</result>' if m['role'] == 'tool' else m['content'] }}{{ '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n<think>\\n\\n</think>\\n\\n' }}{% endif %}"
)
NO_SYSTEM = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    "{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('alternate') }}"
    "{% endif %}{{ '<start_of_turn>' + ('model' if m['role'] == 'assistant' else 'user') + '\\n' }}"
    "{{ m['content'] | trim + '<end_of_turn>\\n' }}{% endfor %}"
)
INSTRUCTIONS = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'system' %}{{ '[INST] <<' + m['content'] + '>> ' }}"
    "{% elif m['role'] == 'user' %}"
    "{{ '' if loop.index0 and messages[loop.index0 - 1]['role'] == 'system' else '[INST] ' }}"
    "{{ m['content'] + ' [/INST]' }}"
    "{% else %}{{ ' ' + m['content'] + eos_token }}{% endif %}{% endfor %}"
)
CLOSING = (
    "{% for m in messages %}{{ '<|' + m['role'] + '|>\\n' + m['content'] + '<|end|>\\n' }}{% endfor %}"
    "{{ '<|assistant|>\\n' if add_generation_prompt else eos_token }}"
)


def byte_level(specials: list[str], template: str | None, bos: bool = False, **names: str) -> PreTrainedTokenizerFast:
    """Return a trained byte-level BPE whose special tokens come first, adding a BOS if told."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=360,
        special_tokens=[AddedToken(name, special=True, normalized=False) for name in specials],
        initial_alphabet=alphabet,
        show_progress=False,
    )
    backend.train_from_iterator(TEXTS, trainer)
    if bos:
        start = names["bos_token"]
        backend.post_processor = processors.TemplateProcessing(
            single=f"{start} $A", pair=f"{start} $A {start} $B", special_tokens=[(start, specials.index(start))]
        )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, **names)
    tokenizer.chat_template = template
    return tokenizer


def llama2() -> PreTrainedTokenizerFast:
    """Return a BPE over ▁-marked words with a fallback to bytes, a BOS, and neither pad nor template."""
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    letters = [*sorted(set("".join(TEXTS)) - {" "}), "▁", "▁t", "he", "▁the"]
    vocabulary = {token: place for place, token in enumerate(["<unk>", "<s>", "</s>", *bytes_, *letters])}
    merges = [("▁", "t"), ("h", "e"), ("▁t", "he")]
    model = models.BPE(vocab=vocabulary, merges=merges, byte_fallback=True, unk_token="<unk>", fuse_unk=True)
    backend = Tokenizer(model)
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    backend.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in ("<unk>", "<s>", "</s>")])
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<s>", eos_token="</s>", unk_token="<unk>")


def bert() -> PreTrainedTokenizerFast:
    """Return a WordPiece that puts [CLS] and [SEP] around a pair of segments of two types."""
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    backend = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=True)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.train_from_iterator(
        TEXTS, trainers.WordPieceTrainer(vocab_size=200, special_tokens=specials, show_progress=False)
    )
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, mask_token="[MASK]", **names)
    tokenizer.model_input_names = ["input_ids", "token_type_ids", "attention_mask"]
    return tokenizer


def roberta() -> PreTrainedTokenizerFast:
    """Return a byte-level BPE that puts <s> and </s> around a pair, without types."""
    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    names = {"bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>"}
    tokenizer = byte_level(specials, None, False, unk_token="<unk>", mask_token="<mask>", **names)
    tokenizer.backend_tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    tokenizer.model_input_names = ["input_ids", "attention_mask"]
    return tokenizer


IM = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
LLAMA3 = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
FAMILIES = {
    "smollm2": lambda: byte_level(
        IM, CHATML, bos_token=IM[1], eos_token=IM[2], pad_token=IM[2], unk_token="<|endoftext|>"
    ),
    "llama3": lambda: byte_level(
        [*LLAMA3, "<|finetune_right_pad_id|>"], DATED, bos=True, bos_token=LLAMA3[0], eos_token=LLAMA3[4]
    ),
    "qwen3": lambda: byte_level(IM, THINKING, eos_token=IM[2], pad_token=IM[0]),
    "gemma": lambda: byte_level(
        ["<pad>", "<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>"],
        NO_SYSTEM,
        bos=True,
        bos_token="<bos>",
        eos_token="<eos>",
        pad_token="<pad>",
    ),
    "mistral": lambda: byte_level(
        ["<unk>", "<s>", "</s>", "[INST]", "[/INST]"],
        INSTRUCTIONS,
        bos=True,
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
    ),
    "phi3": lambda: byte_level(
        ["<|endoftext|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"],
        CLOSING,
        eos_token="<|endoftext|>",
        pad_token="<|endoftext|>",
    ),
    "gpt2": lambda: byte_level(
        ["<|endoftext|>"], None, bos_token="<|endoftext|>", eos_token="<|endoftext|>", unk_token="<|endoftext|>"
    ),
    "pythia": lambda: byte_level(["<|endoftext|>", "<|padding|>"], None, eos_token="<|endoftext|>"),
    "llama2": llama2,
    "bert": bert,
    "roberta": roberta,
}
CHAT = ("smollm2", "llama3", "qwen3", "gemma", "mistral", "phi3")
PLAIN = ("gpt2", "pythia", "llama2")
ENCODERS = ("bert", "roberta")


@cache
def family(name: str) -> PreTrainedTokenizerFast:
    """Return the family's tokenizer; treat it as read-only."""
    return FAMILIES[name]()
