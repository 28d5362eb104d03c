"""Write a GGUF whose output is scripted, for the real llama.cpp: no download and no training.

One block whose attention and feed-forward are all zero leaves the last token's one-hot embedding as it is, so the
output matrix is a table of what follows what: W[next, last] = 4 makes `next` follow `last`. Each piece of a script is a
vocabulary entry of its own, and the chat template ends in a marker token that picks the script.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import gguf
import numpy as np
import numpy.typing as npt

CONTEXT = 16384
HEADS = 4
FEED_FORWARD = 32

SCRIPTS = {
    "<|say_text|>": ["Hello", " from", " a", " real", " llama.cpp", " server", ": 12", " tokens,", " both", " wires."],
    "<|say_tool|>": [
        '<tool_call>\n{"name": "get',
        '_weather", "arguments": {"ci',
        'ty": "Par',
        'is"}}',
        "\n</tool_call>",
    ],
    "<|say_done|>": ["It", " is", " 21", " degrees", " in", " Paris!"],
    "<|say_think|>": ["<think>\nTwo", " plus", " two", " makes", " four", "\n</think>\n\n", "The", " answer", " is 4."],
    "<|say_json|>": ['{"river"', ': "Loire", ', '"km": 1', "006}"],
}

TEMPLATE = """{%- if tools %}<|im_start|>system
# Tools
{% for t in tools %}{{ t | tojson }}
{% endfor %}For each function call, return a json object within <tool_call></tool_call> tags.<|im_end|>
{% endif %}
{%- for m in messages %}
{%- if m.role == 'tool' %}<|im_start|>user
<tool_response>
{{ m.content }}
</tool_response><|im_end|>
{% else %}<|im_start|>{{ m.role }}
{% if m.reasoning_content %}<think>
{{ m.reasoning_content }}
</think>

{% endif %}{{ m.content if m.content else '' }}
{%- for c in (m.tool_calls or []) %}
<tool_call>
{"name": "{{ c.function.name }}", "arguments": {{ c.function.arguments | tojson }}}
</tool_call>
{%- endfor %}<|im_end|>
{% endif %}
{%- endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{% if messages[-1].role == 'tool' %}<|say_done|>{% elif tools %}<|say_tool|>
{%- elif 'JSON' in (messages[0].content | string) %}<|say_json|>
{%- elif 'think' in (messages[-1].content | string) %}<|say_think|>{% else %}<|say_text|>{% endif %}{% endif %}"""


def _byte_names() -> list[str]:
    """Name the 256 bytes as GPT-2's tokenizer does: printable ones by themselves, the others from U+0100 on."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    spare = iter(range(256, 512))
    return [chr(byte) if byte in printable else chr(next(spare)) for byte in range(256)]


class Vocabulary:
    """Tokens, and which follows which."""

    def __init__(self) -> None:
        self._bytes = _byte_names()
        self.tokens = list(self._bytes)
        self.kinds = [gguf.TokenType.NORMAL] * len(self.tokens)
        self.edges: list[tuple[int, int]] = []
        self.start = self.add("<|im_start|>", control=True)
        self.end = self.add("<|im_end|>", control=True)
        self.eot = self.add("<|endoftext|>", control=True)
        for marker, pieces in SCRIPTS.items():
            chain = [self.add(marker, control=True), *(self.add(piece) for piece in pieces), self.end]
            self.edges += itertools.pairwise(chain)

    def add(self, text: str, *, control: bool = False) -> int:
        name = text if control else "".join(self._bytes[byte] for byte in text.encode())
        assert name not in self.tokens, text
        self.tokens.append(name)
        self.kinds.append(gguf.TokenType.CONTROL if control else gguf.TokenType.NORMAL)
        return len(self.tokens) - 1


def write_model(path: Path) -> None:
    """Write the model to `path`."""
    vocabulary = Vocabulary()
    size = len(vocabulary.tokens)
    width = -(-size // 64) * 64
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("scripted")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(width)
    writer.add_block_count(1)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(width // HEADS)
    writer.add_vocab_size(size)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_types(vocabulary.kinds)
    writer.add_token_merges(["t h"])
    writer.add_bos_token_id(vocabulary.eot)
    writer.add_eos_token_id(vocabulary.end)
    writer.add_pad_token_id(vocabulary.eot)
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)
    for name, tensor in _tensors(vocabulary, size, width).items():
        writer.add_tensor(f"{name}.weight", tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _tensors(vocabulary: Vocabulary, size: int, width: int) -> dict[str, npt.NDArray[np.float32]]:
    embedding = np.zeros((size, width), np.float32)
    embedding[np.arange(size), np.arange(size)] = 1.0
    output = np.zeros((size, width), np.float32)
    for last, following in vocabulary.edges:
        output[following, last] = 4.0
    ones = np.ones(width, np.float32)
    return {
        "token_embd": embedding,
        "output_norm": ones,
        "output": output,
        "blk.0.attn_norm": ones,
        "blk.0.ffn_norm": ones,
        **{f"blk.0.attn_{name}": np.zeros((width, width), np.float32) for name in ("q", "k", "v", "output")},
        "blk.0.ffn_gate": np.zeros((FEED_FORWARD, width), np.float32),
        "blk.0.ffn_up": np.zeros((FEED_FORWARD, width), np.float32),
        "blk.0.ffn_down": np.zeros((width, FEED_FORWARD), np.float32),
    }


if __name__ == "__main__":
    write_model(Path(sys.argv[1]))
