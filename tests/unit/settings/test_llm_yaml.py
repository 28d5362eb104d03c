"""What llm.yaml and agents.d may contain, and how mistakes in them are reported."""

from __future__ import annotations

from typing import Any

import pytest
from support.settings_world import FILE, World, assert_hidden

from minimax_sync.errors import ConfigError
from minimax_sync.pacing.retry import RetryPolicy
from minimax_sync.secret import Secret


def test_the_documented_file_is_read_and_every_value_knows_its_line(world: World) -> None:
    world.write("config/llm.yaml", FILE)
    world.environ["MINIMAX_API_KEY"] = "sk-1"
    settings = world.resolve()
    place = "config/llm.yaml:{} providers.minimax.{}".format
    expected = {
        "auth_mode": ("static", f"there is no Token Plan bundle '{world.cwd}/secrets/other.json'"),
        "api_key": ("****", place(4, "api_key")),
        "bundle": (f"{world.cwd}/secrets/other.json", place(18, "auth.bundle")),
        "group_id": ("none", "default"),
        "timeout": ("60.0", place(10, "timeout")),
        "idle_timeout": ("30.5", place(12, "idle_timeout")),
        "verify": ("False", place(13, "verify")),
        "proxy": ("http://****@proxy:3128", place(14, "proxy")),
        "default_headers": ("X-Team: ****", place(15, "default_headers")),
        "burst": ("3", place(16, "rate_limit.burst")),
        "quota_budget": ("1000000", place(16, "rate_limit.quota_budget")),
        "limiter": ("redis://host:6379/0", place(17, "rate_limit.store")),
        "retry.rate_limit_attempts": ("7", "config/llm.yaml:19 retry.max_attempts"),
        "retry.max_backoff_ms": ("20.5", "config/llm.yaml:19 retry.max_backoff_ms"),
        "retry.resend_ambiguous": ("False", "default"),
    }
    assert {name: (value, source) for name, value, source in settings.rows() if name in expected} == expected
    assert settings.retry.value == RetryPolicy(7, 2, 10, 20.5, 3.0)
    assert settings.default_headers.value == {"X-Team": "blue"}


@pytest.mark.parametrize(
    ("provider", "fault"),
    [
        (
            "{api_keys: k}",
            r"providers\.minimax\.api_keys: unknown key; did you mean api_key\?; known here: ",
        ),
        ("{rate_limit: {rps: 1}}", r"providers\.minimax\.rate_limit\.rps: unknown key; known here: requests_per_sec"),
        ("{rate_limit: 5}", r"providers\.minimax\.rate_limit: must be a mapping"),
        (
            "{rate_limit: {requests_per_second: 0}}",
            r"providers\.minimax\.rate_limit\.requests_per_second: must be a num",
        ),
        ("{rate_limit: {quota_budget: many}}", r"providers\.minimax\.rate_limit\.quota_budget: must be an integer"),
        ("{rate_limit: {quota_budget: 1.5}}", r"providers\.minimax\.rate_limit\.quota_budget: must be an integer"),
        ("{rate_limit: {burst: 0}}", r"providers\.minimax\.rate_limit\.burst: must be an integer of at least 1"),
        ("{auth: {mode: maybe}}", r"providers\.minimax\.auth\.mode: must be one of static, token_plan, auto"),
        ("{api_flavor: grpc}", r"providers\.minimax\.api_flavor: unknown api_flavor 'grpc'"),
        ("{chat_path: /a b}", r"providers\.minimax\.chat_path: write a path"),
        ("{timeout: 0}", r"providers\.minimax\.timeout: must be a number of seconds above 0"),
        ("{timeout: true}", r"providers\.minimax\.timeout: must be text"),
        ("{verify: maybe.pem}", r"providers\.minimax\.verify: there is no file or directory 'maybe\.pem'"),
        ("{auth: {background_refresh: perhaps}}", r"providers\.minimax\.auth\.background_refresh: must be True or Fal"),
        ("{proxy: 'proxy:3128'}", r"providers\.minimax\.proxy: must be the URL of a proxy"),
        ("{default_headers: {A B: c}}", r"providers\.minimax\.default_headers: 'A B' is not a header name"),
        ("{default_headers: X}", r"providers\.minimax\.default_headers: must be a mapping"),
        ("{model: [a]}", r"providers\.minimax\.model: must be text"),
        ("{group_id: true}", r"providers\.minimax\.group_id: must be text"),
        ("{api_key: '${UNSET}'}", r"providers\.minimax\.api_key: environment variable UNSET is not set"),
        ("text", r"providers\.minimax: must be a mapping"),
    ],
)
def test_a_mistake_in_the_file_names_file_line_and_key(provider: str, fault: str, world: World) -> None:
    world.config(provider)
    with pytest.raises(ConfigError, match=rf"^config/llm\.yaml:2 {fault}"):
        world.resolve({"api_key": "k"})


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "provider: {}",
            r"config/llm\.yaml:1 provider: unknown key; did you mean providers\?; known",
        ),
        ("- a", r"config/llm\.yaml:1: must be a mapping"),
        ("providers: [minimax]", r"config/llm\.yaml:1 providers: must be a mapping"),
        (
            "retry: {attempts: 5}",
            r"config/llm\.yaml:1 retry\.attempts: unknown key; did you mean max_attempts\?; kn",
        ),
        ("retry:\n  max_attempts: 0", r"config/llm\.yaml:2 retry\.max_attempts: must be an integer from 1"),
        (
            "retry:\n\n  backoff_multiplier: 0.5",
            r"config/llm\.yaml:3 retry\.backoff_multiplier: must be a number from 1",
        ),
        (
            "retry: {max_attempts: 2, server_attempts: 3}",
            r"config/llm\.yaml:1 retry\.max_attempts, config/llm\.yaml:1 retry\.server_attempts: retry: server_att",
        ),
        ("retry: {max_attempts: 2.5}", r"config/llm\.yaml:1 retry\.max_attempts: must be an integer"),
        ("providers: {", r"config/llm\.yaml:1: not valid YAML"),
    ],
)
def test_a_mistake_elsewhere_in_the_file_names_file_line_and_key(text: str, fault: str, world: World) -> None:
    world.write("config/llm.yaml", text)
    with pytest.raises(ConfigError, match=f"^{fault}"):
        world.resolve({"api_key": "k"})


def test_an_impossible_base_url_in_the_file_is_an_error_at_once(world: World) -> None:
    world.config("{base_url: http://api.minimax.io}")
    with pytest.raises(
        ConfigError, match=r"^base_url, from config/llm\.yaml:2 providers\.minimax\.base_url: .*https only"
    ):
        world.resolve({"api_key": "k"})


def test_blank_values_and_empty_sections_of_the_file_count_as_not_there(world: World) -> None:
    world.write(
        "config/llm.yaml", "providers:\n  minimax:\n    model:\n    rate_limit:\n    auth: {bundle: ''}\nretry:\n"
    )
    settings = world.resolve({"api_key": "k"})
    assert (settings.model.source, settings.bundle.source) == ("default", "default")
    assert settings.retry.value == RetryPolicy()
    world.write("config/llm.yaml", "")
    assert world.resolve({"api_key": "k"}).model.source == "default"


def test_the_file_is_named_by_argument_then_environment_then_default(world: World) -> None:
    for name in ("a.yaml", "b.yaml", "config/llm.yaml"):
        world.write(name, f"providers: {{minimax: {{model: from-{name}}}}}")
    world.environ["MINIMAX_CONFIG"] = str(world.cwd / "b.yaml")
    arguments = {"api_key": "k"}
    assert world.resolve(arguments, path="a.yaml").model.value == "from-a.yaml"
    assert world.resolve(arguments, path=world.cwd / "a.yaml").model.source.startswith(f"{world.cwd}/a.yaml:1 ")
    assert world.resolve(arguments).model.source == f"{world.cwd}/b.yaml:1 providers.minimax.model"
    world.environ["MINIMAX_CONFIG"] = ""
    assert world.resolve(arguments).model.value == "from-config/llm.yaml"


def test_a_named_file_must_be_there_the_default_need_not(world: World) -> None:
    arguments = {"api_key": "k"}
    with pytest.raises(ConfigError, match=r"^argument path: no\.yaml cannot be read: No such file"):
        world.resolve(arguments, path="no.yaml")
    world.environ["MINIMAX_CONFIG"] = "gone.yaml"
    with pytest.raises(ConfigError, match=r"^environment variable MINIMAX_CONFIG: gone\.yaml cannot be read"):
        world.resolve(arguments)
    del world.environ["MINIMAX_CONFIG"]
    (world.cwd / "config/llm.yaml").mkdir(parents=True)
    with pytest.raises(ConfigError, match=r"^default: config/llm\.yaml cannot be read: Is a directory"):
        world.resolve(arguments)


def test_only_the_chosen_provider_is_read(world: World) -> None:
    world.write(
        "config/llm.yaml",
        "providers:\n"
        "  other: {api_key: '${OTHER_UNSET}', of_another_program: [1]}\n"
        "  local: {api_key: none, base_url: 'http://127.0.0.1:8000/v1', chat_path: /chat/completions}\n",
    )
    assert world.resolve({"api_key": "k"}).base_url.source == "default"
    local = world.resolve(provider="local")
    assert local.endpoint().chat_url == "http://127.0.0.1:8000/v1/chat/completions"
    assert (local.provider.value, local.provider.source) == ("local", "argument provider")
    with pytest.raises(
        ConfigError, match=r"^argument provider: no provider 'loca' in config/llm\.yaml; it has other, loc"
    ):
        world.resolve(provider="loca")


def test_a_provider_needs_a_file(world: World) -> None:
    with pytest.raises(ConfigError, match=r"^argument provider: no provider 'x' in config/llm\.yaml; it has none"):
        world.resolve(provider="x")


class TestAgents:
    @pytest.fixture(autouse=True)
    def files(self, world: World) -> None:
        world.environ["MINIMAX_API_KEY"] = "k"
        world.write(
            "config/llm.yaml", "providers:\n  minimax: {model: plain}\n  cn: {base_url: https://api.minimaxi.com}\n"
        )
        world.write(
            "config/agents.d/ana.yaml",
            "agents:\n  - id: ana\n    model: {provider: minimax, model: MiniMax-M2.5}\n"
            "  - id: 007\n    model: {provider: cn}\n",
        )
        world.write("config/agents.d/empty.yaml", "")
        world.write("config/agents.d/.draft.yaml", "{broken")
        world.write("config/agents.d/notes.txt", "{broken")

    def test_an_agent_picks_its_model(self, world: World) -> None:
        found = world.resolve(agent="ana").model
        assert (found.value, found.source) == ("MiniMax-M2.5", "config/agents.d/ana.yaml:3 agents[0].model.model")

    def test_an_agent_picks_its_provider_unless_another_is_asked_for(self, world: World) -> None:
        settings = world.resolve(agent="007")
        assert (settings.provider.value, settings.base_url.value) == ("cn", "https://api.minimaxi.com")
        assert settings.provider.source == "config/agents.d/ana.yaml:5 agents[1].model.provider"
        assert settings.model.value == "MiniMax-M2.5"
        assert world.resolve(agent="ana", provider="cn").provider.value == "cn"

    def test_a_model_as_argument_outranks_the_agents(self, world: World) -> None:
        assert world.resolve({"model": "mine"}, agent="ana").model.value == "mine"

    def test_an_unknown_agent_lists_the_known(self, world: World) -> None:
        with pytest.raises(ConfigError, match=r"^argument agent: no agent 'bob'; known: ana, 007$"):
            world.resolve(agent="bob")

    def test_an_agent_whose_provider_is_unknown_names_its_own_line(self, world: World) -> None:
        world.write("config/agents.d/b.yaml", "agents:\n- id: b\n  model: {provider: nowhere}")
        with pytest.raises(
            ConfigError, match=r"^config/agents\.d/b\.yaml:3 .*: no provider 'nowhere' in config/llm\.yaml"
        ):
            world.resolve(agent="b")

    @pytest.mark.parametrize(
        ("text", "fault"),
        [
            ("agents: [{id: ana}]", r"x\.yaml:1 agents\[0\]\.id: there is another agent 'ana'"),
            ("agents: [{model: {model: m}}]", r"x\.yaml:1 agents\[0\]: an agent needs an id"),
            (
                "agents: [{id: x, models: m}]",
                r"x\.yaml:1 agents\[0\]\.models: unknown key; did you mean model\?; known",
            ),
            ("agents: {id: x}", r"x\.yaml:1 agents: must be a list"),
            ("agent: []", r"x\.yaml:1 agent: unknown key; did you mean agents\?; known here: agents"),
            ("agents: [{id: x, model: m}]", r"x\.yaml:1 agents\[0\]\.model: must be a mapping"),
            ("agents: [{id: x, model: {name: m}}]", r"x\.yaml:1 agents\[0\]\.model\.name: unknown key"),
        ],
    )
    def test_a_mistake_in_an_agents_file_names_its_place(self, text: str, fault: str, world: World) -> None:
        world.write("config/agents.d/x.yaml", text)
        with pytest.raises(ConfigError, match=rf"^config/agents\.d/{fault}"):
            world.resolve(agent="x")

    def test_a_missing_agents_directory_is_named(self, world: World) -> None:
        world.write("other/llm.yaml", "")
        with pytest.raises(ConfigError, match=r"^argument agent: no agent 'ana'; there is none in other/agents\.d$"):
            world.resolve(agent="ana", path="other/llm.yaml")


@pytest.mark.parametrize(
    "broken",
    [
        "providers: {minimax: {api_key: canary, unknown: 1}}",
        "providers: {minimax: {api_kez: canary}}",
        "providers: {minimax: {rate_limit: {store: 'redis://:canary@host /0'}}}",
        "providers: {minimax: {auth: {bundle: 'memcached://:canary@host/0'}}}",
        "providers: {minimax: {api_key: canary, rate_limit: {requests_per_second: fast}}}",
        "providers: {minimax: {api_key: canary-1, api_key: canary-2}}",
        "providers: {minimax: {api_key: 'canary${UNSET}'}}",
        "providers: {minimax: {api_key: '${SECRET}', base_url: nowhere}}",
        "providers: {minimax: {rate_limit: {store: 'http://:canary@host'}}}",
        "providers: {minimax: {api_key: canary}}\nnonsense: 1",
        "providers: {minimax: {api_key: canary}}\nretry: {max_attempts: 0}",
        "providers: {minimax: {api_key: canary ",
        "providers: {minimax: [canary]}",
    ],
)
def test_B10_no_error_of_the_configuration_shows_a_secret_in_text_or_locals(broken: str, world: World) -> None:
    world.environ |= {"SECRET": "canary", "MINIMAX_API_KEY": "canary-api", "UNRELATED": "canary-env"}
    world.write("config/llm.yaml", broken)
    with pytest.raises(ConfigError) as caught:
        world.resolve({"api_key": Secret("canary-argument")})
    assert_hidden(caught.value)


def test_none_turns_the_limiter_off_from_either_place(world: World) -> None:
    world.config("{rate_limit: {requests_per_second: null}, api_key: k}")
    off = world.resolve().requests_per_second
    assert (off.value, off.source) == (None, "config/llm.yaml:2 providers.minimax.rate_limit.requests_per_second")
    world.config("{rate_limit: {requests_per_second: none}, api_key: k}")
    assert world.resolve().requests_per_second.value is None
    world.config("{rate_limit: {requests_per_second: '${RPS:-}'}, api_key: k}")
    assert world.resolve().requests_per_second.value == 2.0
    assert world.resolve({"requests_per_second": None}).requests_per_second.value is None


PASTED = "sk-api-YAMLSECRET123456"
"""A key that stands where a name belongs."""


@pytest.mark.parametrize(
    ("text", "words", "arguments"),
    [
        (f"providers: {{minimax: {{{PASTED}: x}}}}", r"providers.minimax.\*{4}: unknown key", {}),
        (f"{PASTED}: x", r":1 \*{4}: unknown key", {}),
        (f"providers: {{{PASTED}: {{api_key: k}}}}", r"no provider 'mine' .*; it has \*{4}", {"provider": "mine"}),
        (f"providers: {{{PASTED}: {{model: [x]}}}}", "no provider", {"provider": f"{PASTED}2"}),
        (f"providers: {{minimax: {{default_headers: {{{PASTED}: é}}}}}}", r"header \*{4} must be", {}),
        (f"providers: {{minimax: {{default_headers: {{'{PASTED} ': x}}}}}}", "not a header name", {}),
        (f"{PASTED}: x\n{PASTED}: y", r"key \*{4} is given twice, here and in line 1", {}),
        (f"providers: {{minimax: {{model: '${{file:{PASTED}}}'}}}}", "cannot be read", {}),
        (f"providers: {{minimax: {{model: '${{{'A1b2' * 9}}}'}}}}", r"variable \*{4} is not set", {}),
    ],
)
def test_a_key_in_place_of_a_name_is_not_shown(world: World, text: str, words: str, arguments: dict[str, Any]) -> None:
    world.write("config/llm.yaml", text)
    with pytest.raises(ConfigError, match=words) as caught:
        world.resolve(**arguments)
    assert "YAMLSECRET" not in str(caught.value)
    assert "A1b2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "agent"),
    [
        (f"agents: [{{id: a, {PASTED}: x}}]", "a"),
        (f"agents: [{{id: {PASTED}, model: x}}]", "b"),
        (f"agents: [{{id: {PASTED}}}, {{id: {PASTED}}}]", "b"),
        ("agents: []", PASTED),
    ],
)
def test_a_key_in_place_of_the_name_of_an_agent_is_not_shown(world: World, text: str, agent: str) -> None:
    world.write("config/agents.d/team.yaml", text)
    with pytest.raises(ConfigError, match=r"\*{4}") as caught:
        world.resolve(agent=agent)
    assert "YAMLSECRET" not in str(caught.value)
