"""Each way a config can be wrong names the file, the key and what is allowed; what is right is in force."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.config_files import CANARY, KIE, Load, write

from taskdash.config.files import toml_values
from taskdash.config.load import load_settings
from taskdash.config.profile import DEFAULT_PRESET, PRESETS, Profile, preset_profile
from taskdash.config.readers import Place, read, settings_of
from taskdash.config.settings import Settings, View
from taskdash.domain.errors import ConfigError, UsageError
from taskdash.domain.untrusted import inert_line
from taskdash.ui.keymap import key_faults

# Setting, values that are wrong, and what is said of each; the schema refuses them too.
WRONG: list[tuple[str, list[str], list[str]]] = [
    *(
        (key, ["1", '"yes"'], ["true or false", "not "])
        for key in ("bell", "sidecar", "embed", "auto_download", "view.preview", "profiles.kie.allow_private")
    ),
    *(
        (key, ["true", "1", "1979-05-27"], ["must be text in quotes"])
        for key in ("file_name", "download_dir", "view.theme", "profiles.kie.tier", "profiles.kie.auth_header")
    ),
    ("colour", ['"red"'], ["unknown key", "open_command", "profiles"]),
    ("downlod_dir", ['"/x"'], ['Did you mean "download_dir"?']),
    ("tier", ['"basic"'], ["belongs to a profile", "[profiles.aigptimage]"]),
    ("max_result_mib", ["0", "true", '"2GiB"'], ["whole number from 1 to 1048576, not "]),
    ("file_name", ['"{promt}-{n}"', '"{prompt:40}"', '"{n"'], ["{label}, {prompt}, {model}", "{prompt:.40}"]),
    ("file_name", ['"fox"', '"a/{n}"', '""', "'a\\{n}'"], ["not a name without /", "{created}"]),
    ("log_level", ['"warn"'], ["debug, info, warning, error", 'Did you mean "warning"?']),
    ("open_command", ['"firefox"'], ["must be a list", '"firefox"']),
    ("on_finish", ["[1]"], ["only text in quotes", "not 1"]),
    ("on_finish", ['["a\\u0000b"]'], ["without NUL"]),
    ("download_dir", ['"results"'], ["absolute path", "~", '"results"']),
    ("profile", ['"b a d"'], ["letters, digits"]),
    ("profiles", ["1"], ["a table", "not 1"]),
    ("profiles.kei", ["1"], ["a table such as [profiles.kei]"]),
    ('profiles."a b"', ["{}"], ["letters, digits"]),
    ("profiles.kie.teir", ['"basic"'], ['Did you mean "tier"?', "api_key_env"]),
    ("profiles.kie.bell", ["true"], ["global setting", "above the first [table]"]),
    ("profiles.kie.tier", ['"basik"'], ["free, basic, standard, pro, ultra, enterprise", '"basic"']),
    ("profiles.kie.per_second", ["true", "1.5", "0", "1000001"], ["whole number from 1 to 1000000, not "]),
    ("profiles.kie.share", ["0", "1.01", "true", "inf", '"0.5"'], ["a number above 0 and up to 1, not "]),
    ("profiles.kie.share", ["9" * 100], ["not 999"]),
    ("profiles.kie.result_ttl", ["24", '"24"', '"1w"', '"-1h"'], ['"24h"', "s, m, h or d", "not "]),
    ("profiles.kie.result_ttl", ['"0s"'], ['from "1s" to "3650d"']),
    ("profiles.kie.api_key_env", ['""', '"A=B"'], ["name of an environment variable (letters, digits and _)"]),
    ("profiles.kie.api_key_command", ["[]"], ["must name a program"]),
    ("profiles.kie.api_key_command", ["1"], ["a list such as"]),
    ("profiles.kie.api_key", ["1"], ["must be text in quotes"]),
    ("profiles.kie.preset", ['"kei"'], ["aigptimage, kie", 'mean "kie"']),
    ("profiles.kie.record_paths", ["[]"], ["at least one"]),
    ("profiles.kie.record_paths", ['"/a"'], ["a list such as"]),
    ("profiles.kie.record_paths", ["[1]"], ["only text in quotes"]),
    ("profiles.kie.record_paths", ['["v1/tasks"]', '["//evil.example/x"]'], ["must begin with one /"]),
    ("profiles.kie.record_paths", ['["/a", "/a"]'], ["none twice"]),
    ("profiles.kie.record_paths", ['["/a b"]', '["/a#b"]', '["/a/{ID}"]', '["/a\\n"]'], ["is not a path", "{id}"]),
    ("profiles.kie.auth_header", ['"Bearer {key}"', '": {key}"'], ["the name of a header", '"x-key: {key}"']),
    ("profiles.kie.auth_header", ['"x:y: {key}"', '"x y: {key}"', '"x\\nHost: {key}"'], ["name of a header"]),
    ("profiles.kie.auth_header", ['"x-key: key"', '"x: {key}{key}"'], ["{key} once"]),
    ("profiles.kie.auth_header", ['"x: {key}\\r\\nHost: a"', '"x: $(id) {key}"'], ["only letters"]),
    ("keys", ["[]"], ["a table such as [keys]", "an array"]),
    ("keys.open", ["1"], ['a key such as "o"', "a list of keys", "not 1"]),
    ("keys.open", ['""'], ["is not a key", "[] for none"]),
    ("keys.open", ['["o", "a b"]'], ["is not a key", '"a b"']),
    ("commands", ["[]"], ["a table such as [commands]"]),
    ("commands.up.command", ['"upscale"'], ["a list such as"]),
    ("commands.up.command", ["[]"], ["must name a program"]),
    ("commands.up.for", ['"every"'], ["each, all"]),
    ("commands.up.colour", ["1"], ["unknown key", "key, command, for, confirm"]),
    ("commands.up.key", ['"a b"'], ["is not a key"]),
    ("commands.Up", ["{}"], ["letter first"]),
    ("views", ['"x"', "[1]"], ["each with the heading [[views]]"]),
    ("view.theem", ['"x"'], ['mean "theme"']),
    ("view.columns", ['["state", "lable"]'], ['"lable"', 'mean "label"', "model, cost"]),
    ("view.columns", ["[]"], ["at least one"]),
    ("view.columns", ['["id", "id"]'], ["none twice"]),
    ("view.sort", ['"-labl"'], ["added, state, label", 'mean "label"']),
    ("view.widths.labl", ["5"], ['mean "label"']),
    ("view.widths.label", ["1"], ["3 to 200"]),
]  # fmt: skip
# What only the reader can tell.
WRONG_TO_US: list[tuple[str, list[str], list[str]]] = [
    ("download_dir", ['"~nobody-of-that-name/x"'], ["no such home directory"]),
    ("profile", ['"kei"\n' + KIE], ['"kei"', "one of kie", 'Did you mean "kie"?']),
    # JSON has no such number.
    ("profiles.kie.share", ["nan"], ["a number above 0 and up to 1, not "]),
    ("profiles.kie.result_ttl", ['"999999d"'], ['from "1s" to "3650d"']),
    ("profiles.kie.api_key_command", ['"pass \'x"'], ["unclosed quote"]),
]
# Settings that lack each other or exclude each other: text, the key that is named, what is said of it.
WRONG_TOGETHER = [
    (KIE + '[profiles.b]\nbase_url = "https://b.example"', "profile", ["one of kie, b"]),
    ("[profiles.kie]", "profiles.kie.base_url", ["is missing"]),
    ("[[views]]\nfilter = 'x'", "views[1].name", ["is missing: name the view"]),
    ("[[views]]\nname = ''", "views[1].name", ["1 to 24 characters"]),
    ("[[views]]\nname = 'a'\nnam = 1", "views[1].nam", ["unknown key", 'mean "name"']),
    ("[[views]]\nname = 'a'\nsort = 'age'", "views[1].sort", ["added, state, label"]),
    ("[[views]]\nname = 'a'\ncolumns = ['lable']", "views[1].columns", ['mean "label"', "profile"]),
    ("[[views]]\nname = 'a'\nprofiles = 'kie'", "views[1].profiles", ['"all"', 'such as ["kie"]']),
    ("[[views]]\nname = 'a'\nprofiles = []", "views[1].profiles", ["at least one"]),
    ("[commands.up]\nkey = 'U'", "commands.up.command", ["is missing: name a program"]),
    (KIE + "per_second = 5", "profiles.kie.per_minute", ["is missing, and per_second needs it"]),
    (KIE + "per_minute = 5", "profiles.kie.per_second", ["is missing, and per_minute needs it"]),
    (
        KIE + 'tier = "pro"\nper_second = 5\nper_minute = 9',
        "profiles.kie.tier",
        ["per_second and per_minute"],
    ),
    (
        KIE + 'api_key_env = "A"\napi_key_command = ["b"]',
        "profiles.kie.api_key_command",
        ["exactly one of api_key_env, api_key_command, api_key"],
    ),
    (
        KIE + 'api_key_env = "A"\napi_key = "my-own-key"',
        "profiles.kie.api_key",
        ["combined with api_key_env"],
    ),
]
# The same, of what a schema cannot say.
WRONG_TO_US_TOGETHER = [
    ("[[views]]\nname = 'a'\nfilter = 'stat:fail'", "views[1].filter", ["unknown field stat:", "state"]),
    ("[[views]]\nname = 'a'\nprofiles = ['kei']\n" + KIE, "views[1].profiles", ['"kei"', 'mean "kie"']),
    ("[[views]]\nname = 'a'\nfilter = 'state:done'", "views[1].filter", ["new, waiting, success, fail"]),
]


def text_of(name: str, value: str) -> str:
    """Return a file with one setting, and what its profile cannot do without."""
    needed = 'profiles.kie.base_url = "https://api.kie.ai"\n' if name.startswith("profiles.kie.") else ""
    other = "profiles.kie.per_minute = 9\n" if name.endswith("per_second") else ""
    return f"{needed}{other}{name} = {value}"


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        *(
            (text_of(key, value), key, said)
            for key, values, said in (*WRONG, *WRONG_TO_US)
            for value in values
        ),
        *WRONG_TOGETHER,
        *WRONG_TO_US_TOGETHER,
    ],
)
def test_a_wrong_setting_names_the_file_the_key_and_what_is_allowed(
    tmp_path: Path, load: Load, text: str, key: str, said: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(text)
    message = re.sub(r": \d settings are wrong\n", ": ", str(caught.value))
    place, _, rest = message.partition(f"{key}: ")
    # A default that does not fit the tables stands in no line.
    assert re.fullmatch(rf"{re.escape(str(tmp_path))}/my\.toml: (line [123456]: )?", place)
    assert "line" in place or "choose one" in rest
    assert [part for part in said if part not in message] == []
    assert caught.value.exit_code == 2


BAD_FILES: list[tuple[bytes, list[str]]] = [
    (b'a = 1\nb = "x\n', ["line 2, column 7", "not valid TOML"]),
    (b"a = 1\nb 2\n", ["line 2, column 3", "not valid TOML"]),
    (b"a = [1,\n", ["end of document", "not valid TOML"]),
    (b"a = 1\na = 2\n", ["line 2", "Cannot overwrite"]),
    (b"a = 1\nb = '\xff'\n", ["not UTF-8", "0xff", "line 2"]),
    ("bell = true".encode("utf-16"), ["not UTF-8"]),
    (b"a = " + b"[" * 100_000, ["not valid TOML"]),
    (b"a = " + b"9" * 5_000, ["out of range"]),
    (b"\x00\x1b[31m", ["not valid TOML"]),
    (b"#" * 1_100_000, ["1 MiB"]),
]


@pytest.mark.parametrize(("data", "said"), BAD_FILES)
def test_a_file_that_is_no_toml_says_where(tmp_path: Path, load: Load, data: bytes, said: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        load(data)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'my.toml'}: ")
    assert [part for part in said if part not in message] == []
    assert message.isprintable()


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
def test_no_bytes_raise_anything_but_a_printable_complaint(data: bytes) -> None:
    try:
        toml_values(data)
    except ValueError as error:
        assert str(error) == inert_line(str(error))  # noqa: PT017 - that it raises at all is up to the example


def test_every_fault_of_a_file_is_told_at_once_and_hostile_text_in_it_is_inert(
    tmp_path: Path, load: Load
) -> None:
    with pytest.raises(ConfigError) as caught:
        load('bell = 1\nlog_level = "\\u001b[2J\\u202Ex"\n"k\\u001b]0;x" = 1\n')
    first, *faults = str(caught.value).splitlines()
    assert first == f"{tmp_path / 'my.toml'}: 3 settings are wrong"
    assert len(faults) == 3
    assert all(line.isprintable() and "my.toml" not in line for line in faults)


def test_a_hundred_faults_are_cut(load: Load) -> None:
    with pytest.raises(ConfigError, match=r"and 80 more$"):
        load("\n".join(f"x{n} = 1" for n in range(100)))


@pytest.mark.parametrize(
    "text",
    [
        f'profile = "{CANARY}"',
        f"[profiles.{CANARY}]",
        f'{CANARY} = "x"',
        f'{KIE}api_key_env = "{CANARY}"',
        f'{KIE}api_key_env = "0123456789abcdef0123456789abcdef"',
        f'{KIE}api_key_env = "a123456789abcdef0123456789abcdef"',
        f'{KIE}tier = "{CANARY}"',
        f'{KIE}api_key = ["{CANARY}"]',
        f'{KIE}api_key_command = ["x", 5, "{CANARY}"]',
        f'[profiles.kie]\nbase_url = "https://{CANARY}@api.kie.ai"',
        f'[profiles.kie]\nbase_url = "https://api.kie.ai?key={CANARY}"',
        f'download_dir = "{CANARY}"',
        f'[keys]\nopen = "the key {CANARY}"',
        f'{KIE}auth_header = "Authorization: Bearer {CANARY}"',
        f'{KIE}auth_header = "Authorization: Bearer {CANARY} {{key}}"',
        f'{KIE}auth_header = "{CANARY}: {{key}} x y\\n"',
        f'{KIE}record_paths = ["/a?key={CANARY}#"]',
        f'{KIE}api_key = "{CANARY}',
        f"{KIE}api_key = {CANARY}",
        f"{CANARY} 1",
        f"{CANARY} = 1\n{CANARY} = 2",
    ],
)
def test_a_key_in_the_wrong_place_is_never_repeated(load: Load, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert "CANARY" not in str(caught.value)
    assert "0123456789abcdef" not in str(caught.value)


def test_a_key_in_the_wrong_variable_is_never_repeated() -> None:
    for environ in ({"TASKDASH_PROFILE": CANARY}, {"TASKDASH_BASE_URL": f"https://{CANARY}@x"}):
        with pytest.raises(UsageError) as caught:
            load_settings(None, environ)
        assert "CANARY" not in str(caught.value)


def test_without_any_config_the_profile_is_aigptimage() -> None:
    found = load_settings(None, {})
    assert found == Settings()
    assert found.in_use == Profile(
        name="aigptimage", base_url="https://aigptimage.com", api_key_env="AIGPTIMAGE_API_KEY", tier="free"
    )


PRESET = '[profiles.kie]\npreset = "kie"\n'


@pytest.mark.parametrize(
    ("beside", "changed"),
    [
        ("", {}),
        ("per_second = 3", {"per_second": 3}),
        ('tier = "pro"', {"tier": "pro", "per_second": None, "per_minute": None}),
        ('api_key_command = "pass kie"', {"api_key_env": None, "api_key_command": ("pass", "kie")}),
        ('base_url = "https://x.example"', {"base_url": "https://x.example"}),
        ('record_paths = ["/v1/{id}"]', {"record_paths": ("/v1/{id}",)}),
        ('result_ttl = "1h"\nshare = 1', {"result_ttl_ms": 3_600_000, "share": 1.0}),
        ('auth_header = "x-key:{key}"', {"auth_header": "x-key: {key}"}),
    ],
)
def test_what_stands_beside_a_preset_wins(load: Load, beside: str, changed: dict[str, object]) -> None:
    found = load(PRESET + beside).in_use
    whole = {name: getattr(found, name) for name in Profile.__dataclass_fields__}
    kie = preset_profile("kie", "kie")
    assert kie.record_paths[:2] == ("/api/v1/jobs/recordInfo", "/api/v1/veo/record-info")
    assert (kie.base_url, kie.per_minute, kie.tier_assumed) == ("https://api.kie.ai", 300, False)
    assert whole == {name: getattr(kie, name) for name in whole} | changed


def test_each_preset_stands_alone_and_the_default_changes_nothing(load: Load) -> None:
    for name in PRESETS:
        found = load(f'[profiles.mine]\npreset = "{name}"').in_use
        assert found == preset_profile(name, "mine")
    assert preset_profile(DEFAULT_PRESET, "aigptimage") == Profile(name="aigptimage")


def test_a_file_of_windows_is_in_force_beside_the_defaults(tmp_path: Path, load: Load) -> None:
    text = """\
        profile = "kie"
        download_dir = "~/pictures"
        keys = { open = "o", remove = [], filter = ["slash", "ctrl+f", "slash"] }
        view = { columns = ["id", "state"], widths = { id = 20 } }
        [profiles.aigptimage]
        tier = "basic"
    """
    found = load(b"\xef\xbb\xbf" + (text + KIE + "share = 1").replace("\n", "\r\n").encode())
    assert found == Settings(
        profile="kie",
        download_dir=tmp_path / "pictures",
        keys={"open": ("o",), "remove": (), "filter": ("slash", "ctrl+f")},
        view=View(columns=("id", "state"), widths={"id": 20}),
        profiles={
            "aigptimage": Profile(name="aigptimage", tier="basic", tier_assumed=False),
            "kie": Profile(name="kie", base_url="https://api.kie.ai", share=1.0),
        },
    )


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://api.kie.ai/", "https://api.kie.ai"),
        ("HTTPS://API.kie.ai:8443/proxy/a//", "https://api.kie.ai:8443/proxy/a"),
        ("https://aigptimage.com/api/v1/jobs/recordInfo", "https://aigptimage.com"),
        ("https://x.example/gate/api/v1/", "https://x.example/gate"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://127.9.8.7", "http://127.9.8.7"),
        ("http://localhost:1/x", "http://localhost:1/x"),
        ("http://[::1]:9", "http://[::1]:9"),
        (" https://x.example\n", "https://x.example"),
    ],
)
def test_a_base_url_loses_its_slash_and_keeps_its_prefix(load: Load, given: str, kept: str) -> None:
    assert load("", TASKDASH_BASE_URL=given).in_use.base_url == kept


REFUSED_URLS = {
    "unencrypted": "http://aigptimage.com http://0.0.0.0:1 http://10.0.0.1 http://127.1 http://0x7f.0.0.1 "
    "http://localhost.evil.example http://127.0.0.1.evil.example http://[::ffff:127.0.0.1]",
    "before the @": "http://127.0.0.1@evil.example https://user:password@x.example",
    "? or #": "https://x.example?key=1 https://x.example/#x",
    "use https://": "ftp://x.example x.example //x.example https://[zz::1] https:// https:///path https://-x.example "
    "https://x\tx.example https://x\\y.example https://bücher.example https://x.example:99999 https://[::1 "
    "https://x.example:0",
}


@pytest.mark.parametrize(
    ("url", "said"), [(url, said) for said, urls in REFUSED_URLS.items() for url in urls.split(" ")]
)
def test_a_base_url_that_no_key_may_go_to_is_refused_by_the_name_of_its_source(
    tmp_path: Path, load: Load, url: str, said: str
) -> None:
    with pytest.raises(UsageError) as from_environment:
        load_settings(None, {"TASKDASH_BASE_URL": url})
    assert str(from_environment.value).startswith("TASKDASH_BASE_URL: ")
    escaped = url.replace("\\", "\\\\")
    with pytest.raises(ConfigError) as from_file:
        load(f'[profiles.kie]\nbase_url = "{escaped}"')
    assert str(from_file.value).startswith(f"{tmp_path / 'my.toml'}: line 2: profiles.kie.base_url: ")
    for caught in (from_environment, from_file):
        assert said in str(caught.value)
        assert "password" not in str(caught.value).replace("user name or password", "")


def test_the_earlier_of_command_line_environment_file_and_default_wins(tmp_path: Path, home: Path) -> None:
    two = 'profile = "a"\n' + "".join(f'[profiles.{n}]\nbase_url = "https://{n}.example"\n' for n in "abc")
    default = write(home / ".config/taskdash/config.toml", two)
    other = write(tmp_path / "other.toml", two.replace('"a"', '"b"'))
    assert load_settings(None, {}).profile == "a"
    assert load_settings(None, {"TASKDASH_CONFIG": str(other)}).profile == "b"
    assert load_settings(default, {"TASKDASH_CONFIG": str(other)}).profile == "a"
    assert load_settings(None, {"TASKDASH_PROFILE": "b"}).profile == "b"
    assert load_settings(None, {"TASKDASH_PROFILE": "b"}, profile="c").profile == "c"
    assert (
        load_settings(None, {"TASKDASH_PROFILE": "", "TASKDASH_CONFIG": "", "TASKDASH_BASE_URL": ""}).profile
        == "a"
    )
    found = load_settings(None, {"TASKDASH_BASE_URL": "http://127.0.0.1:5"}, profile="c", log_level="error")
    assert [profile.base_url for profile in found.profiles.values()] == [
        "https://a.example",
        "https://b.example",
        "http://127.0.0.1:5",
    ]
    assert found.log_level == "error"


def test_the_only_profile_of_a_file_is_in_use_and_aigptimage_can_be_asked_for(load: Load) -> None:
    assert load(KIE).profile == "kie"
    assert list(load(KIE).profiles) == ["kie"]
    assert load(KIE, TASKDASH_PROFILE="aigptimage").in_use == Profile(name="aigptimage")
    assert load('profile = "aigptimage"\n' + KIE).in_use == Profile(name="aigptimage")
    assert load("[profiles.aigptimage]\n[profiles.b]\nbase_url='https://b'").profile == "aigptimage"


def test_an_unknown_profile_says_who_asked_for_it_and_which_there_are(load: Load) -> None:
    for text, way in (
        (KIE, 'one of kie. Did you mean "kie"?'),
        ("", "one of aigptimage."),
    ):
        for option, environ, source in (
            ("kei", {}, "--profile"),
            (None, {"TASKDASH_PROFILE": "kei"}, "TASKDASH_PROFILE"),
        ):
            with pytest.raises(UsageError) as caught:
                load(text, profile=option, **environ)
            assert str(caught.value) == f'{source}: there is no profile "kei", use {way}'
    with pytest.raises(UsageError, match=r"For another, run `taskdash --profile NAME config init`"):
        load_settings(None, {}, profile="nope")


def test_a_missing_profile_is_told_beside_the_other_faults(load: Load) -> None:
    with pytest.raises(ConfigError) as caught:
        load('profile = "kei"\nbell = 1\n' + KIE)
    heading, *faults = str(caught.value).splitlines()
    assert "2 settings are wrong" in heading
    assert [fault.split(": ")[:2] for fault in faults] == [["line 1", "profile"], ["line 2", "bell"]]
    with pytest.raises(ConfigError) as caught:
        load('profile = "b a d"\nbell = 1\n' + KIE)
    assert str(caught.value).count("profile: ") == 1


def test_only_a_file_that_somebody_named_must_exist(tmp_path: Path, home: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read \(named by --config\): No such file.*config init"):
        load_settings(tmp_path / "none.toml", {})
    with pytest.raises(ConfigError, match=r"named by TASKDASH_CONFIG"):
        load_settings(None, {"TASKDASH_CONFIG": str(tmp_path / "none.toml")})
    (home / ".config/taskdash").mkdir(parents=True)
    (home / ".config/taskdash/config.toml").symlink_to(home / "nowhere")
    with pytest.raises(ConfigError, match="cannot be read: No such file or directory; choose another"):
        load_settings(None, {})
    assert load_settings(None, {"TASKDASH_CONFIG": "/dev/null"}) == Settings()


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    for path, why in (
        (tmp_path, "Is a directory"),
        (write(tmp_path / "a", "") / "b.toml", "Not a directory"),
    ):
        with pytest.raises(ConfigError, match=rf"cannot be read .*: {why}; choose another with --config"):
            load_settings(path, {})


def test_a_file_that_others_can_read_is_refused_if_it_has_a_key_with_the_line_to_run(tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    for mode in (0o644, 0o640, 0o604, 0o620, 0o602):
        with pytest.raises(ConfigError) as caught:
            load_settings(write(file, f'{KIE}api_key = "{CANARY}"', mode), {})
        assert str(caught.value).startswith(f"{file}: line 3: profiles.kie.api_key: this file contains")
        assert str(caught.value).endswith(f"Run: chmod 600 {file}")
    found = load_settings(write(file, f'{KIE}api_key = "{CANARY}"'), {})
    assert "CANARY" not in f"{caught.value} {found!r} {found.in_use!r}"
    assert load_settings(write(file, KIE, 0o644), {}).profile == "kie"


def test_keys_and_themes_are_checked_with_the_rest_where_they_are_known(tmp_path: Path) -> None:
    text = (
        '[view]\nsort = "foo"\n[keys]\ncheck = ["q"]\nhepl = "f5"\npause = 5\nmark = "p"\nreview_pick = "p"\n'
    )
    file = write(tmp_path / "my.toml", text)
    with pytest.raises(ConfigError) as caught:
        load_settings(file, {}, key_faults=key_faults)
    first, *lines = str(caught.value).splitlines()
    assert first == f"{file}: 4 settings are wrong"
    assert [line.split(" ")[:3] for line in lines] == [
        ["line", "2:", "view.sort:"],
        ["line", "4:", "keys:"],
        ["line", "5:", "keys.hepl:"],
        ["line", "6:", "keys.pause:"],
    ]
    file = write(file, '[keys]\nopne = "o"\n[view]\ntheme = "nrod"')
    assert load_settings(file, {}).keys == {"opne": ("o",)}
    with pytest.raises(ConfigError) as caught:
        load_settings(file, {}, theme_names=["nord"])
    assert 'view.theme: "nrod" is not allowed, use one of nord. Did you mean "nord"?' in str(caught.value)


TOML_VALUES = st.recursive(
    st.none().map(lambda _: "x")
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(TOML_VALUES)
def test_no_value_of_any_type_gets_past_a_reader_or_breaks_it(value: object) -> None:
    for model in (Settings, View, Profile):
        for key, setting in settings_of(model).items():
            faults: list[str] = []
            found = read(model, {key: value}, Place(faults))
            assert found or faults
            assert all(fault.startswith(key) and fault == inert_line(fault) for fault in faults)
            # What is read comes back as it was written for it.
            if not faults and key not in ("api_key", "view", "profiles"):
                again = {key: setting.reader.plain(found[setting.name])}
                assert read(model, again, Place(faults)) == found
