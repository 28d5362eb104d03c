"""A program as a user may write it, which `scripts/package` runs from the wheel and as a single file."""

from minimax_sync import Emulator, MiniMaxClient


def main() -> None:
    with Emulator() as emulator:
        for base_url in (emulator.base_url, emulator.anthropic_base_url):
            with MiniMaxClient(emulator.api_key, base_url=base_url) as client:
                print(client.chat("a chat").text)
                print("".join(client.stream("a stream").text_deltas()))


if __name__ == "__main__":
    main()
