"""What the workers of the matrix have in their config.toml, as templates."""

import json

WORKER = """
[server]
port = $port

[dispatch]
max_concurrent = 4

[workspace.repos.gated]
path = "$repo"
gate = ["sh", "-c", "test ! -e bad.txt || { echo bad.txt is there; exit 3; }"]

"""

HEADLESS = """
[adapters.claude]
command = ["$programs/claude"]
idle_secs = $idle
max_turns = $turns
mode = "acceptEdits"
args = ["--allowedTools=Bash"]
cwd = "$repo"
set = { ANTHROPIC_BASE_URL = "$url", CLAUDE_CODE_MAX_RETRIES = "2" }
secrets = ["ANTHROPIC_API_KEY"]

[adapters.claude-shut]
type = "claude"
command = ["$programs/claude"]
mode = "default"
cwd = "$repo"
set = { ANTHROPIC_BASE_URL = "$url" }
secrets = ["ANTHROPIC_API_KEY"]

[adapters.claude-gate]
type = "claude"
command = ["$programs/claude"]
idle_secs = $idle
max_turns = $turns
mode = "acceptEdits"
args = ["--allowedTools=Bash"]
cwd = "$repo"
set = { CLAUDE_CODE_MAX_RETRIES = "2" }
gateway = true
provider_url = "$url"

[adapters.codex-gate]
type = "codex"
command = ["$programs/codex"]
model = "gpt-5.5"
models = ["a-model-of-nobody"]
idle_secs = $idle
max_turns = $turns
mode = "danger-full-access"
cwd = "$repo"
gateway = true
provider_url = "$url"
provider_key = "MODEL_KEY"

[adapters.codex]
command = ["$programs/codex"]
model = "gpt-5.5"
models = ["a-model-of-nobody"]
idle_secs = $idle
max_turns = $turns
mode = "danger-full-access"
cwd = "$repo"
args = $provider
secrets = ["MODEL_KEY"]

[adapters.codex-shut]
type = "codex"
command = ["$programs/codex"]
model = "gpt-5.5"
mode = "read-only"
cwd = "$repo"
args = $provider
secrets = ["MODEL_KEY"]
"""

TALKING = """
[permissions]
answer_secs = 100

[[permissions.rules]]
name = "named-in"
when = 'tool == "edit" && paths.all(p, p.contains("/by-rule-"))'
decide = "allow"

[[permissions.rules]]
name = "named-out"
when = 'paths.exists(p, p.contains("/never-"))'
decide = "deny"

[[permissions.rules]]
name = "turns"
when = 'command != null && command.all(c, c.matches("^(echo|turn|[0-9]+)$$"))'
decide = "allow"

[adapters.claude-ask]
type = "claude"
permissions = "ask"
command = ["$programs/claude-agent-acp"]
idle_secs = $idle
max_turns = $turns
cwd = "$repo"
set = { ANTHROPIC_BASE_URL = "$url", CLAUDE_CODE_MAX_RETRIES = "2", IS_SANDBOX = "1" }
secrets = ["ANTHROPIC_API_KEY"]

[adapters.codex-ask]
type = "codex"
permissions = "ask"
command = ["$programs/codex-acp"]
model = "gpt-5.5"
idle_secs = $idle
max_turns = $turns
cwd = "$repo"
set = { MODEL_PROVIDER = "here", CODEX_CONFIG = '$codex' }
secrets = ["MODEL_KEY"]

[adapters.gemini]
command = ["$programs/gemini", "--acp", "--skip-trust"]
model = "gemini-2.5-flash"
idle_secs = $idle
max_turns = $turns
cwd = "$repo"
set = { GOOGLE_GEMINI_BASE_URL = "$url" }
secrets = ["GEMINI_API_KEY"]

[adapters.opencode]
command = ["$programs/opencode", "acp"]
model = "anthropic/claude-sonnet-4-5"
idle_secs = 40
max_turns = $turns
cwd = "$repo"
set = { OPENCODE_DISABLE_MODELS_FETCH = "1", OPENCODE_CONFIG_CONTENT = '$opencode' }
secrets = ["ANTHROPIC_API_KEY"]
"""


def providers(url: str) -> dict[str, str]:
    """How codex and opencode find the model at this address, as they want it told."""
    codex = {"name": "here", "base_url": f"{url}/v1", "env_key": "MODEL_KEY", "wire_api": "responses"}
    provider = {**codex, "request_max_retries": 1, "stream_max_retries": 1}
    told = ",".join(f"{key}={json.dumps(value)}" for key, value in provider.items())
    config = {
        "model_provider": "here",
        "model_providers": {"here": provider},
        "analytics": {"enabled": False},
        "features": {"plugins": False},
    }
    opencode = {"provider": {"anthropic": {"options": {"baseURL": f"{url}/v1"}}}}
    return {
        "provider": json.dumps(["-c", "model_provider=here", "-c", f"model_providers.here={{{told}}}"]),
        "codex": json.dumps(config),
        "opencode": json.dumps(opencode),
    }
