"""What people may write: any Unicode text, with special tokens' names and odd white space in it."""

from hypothesis import strategies as st

from plaudit.preferences.preference import Message

NAMES = [
    *("<|endoftext|>", "<|im_end|>", "<|im_start|>user\n", "<bos>", "<s>", "</s>", "<|pad|>", "<|endoftext|><|pad|>"),
    *("<|eot_id|>", "<pad>", "[PAD]", "[INST]", "\n", " ", "\n\nHuman: ", "<think>", "ÿ", "{{ x }}", "'", "\\n"),
]
texts = st.lists(st.one_of(st.sampled_from(NAMES), st.text(max_size=8)), max_size=5).map("".join)
answers = texts.filter(lambda text: text.strip() != "")
turns = st.builds(Message, st.sampled_from(["system", "user", "assistant"]), texts)
prompts = st.lists(turns, max_size=4).map(tuple)
