"""Run fleets of agent daemons, and reach one from a Python program: `from syncropel import Client`.

The names below are imported on first use, so that `import syncropel` costs nothing.
"""

__version__ = "0.2.0"

_HOMES = {
    "errors": "DaemonUnreachable FreezeUnconfirmed RemoteError SyncropelError",
    "sdk.blocking": "SyncClient",
    "sdk.client": "Client",
    "sdk.data": (
        "ClientData ListResult MaterialProvenance PublishResult ReadUrlResult StatResult "
        "SyncropelDataError UsageResult WriteResult"
    ),
    "sdk.fleet": "ClientFleet",
    "sdk.grammar": "SyncropelKindError validate_kind validate_scope",
    "sdk.identity": "Identity",
    "sdk.inference": (
        "InferOptions InferPending InferResult ProvenanceEntry TrustSummary build_infer_input "
        "build_infer_query_body find_infer_result random_thread_id"
    ),
    "sdk.manifest": "GENERATED_SCHEMA_NAMES MANIFEST_VERSION",
    "sdk.membership": "ClientMembership SyncropelMembershipError",
    "sdk.records": (
        "ActType DataType Record canonical_json canonical_value hash_levels record_id sha256_hex"
    ),
    "sdk.refs": "Ref",
    "sdk.results": "EmitResult",
    "sdk.subscription": "SseTransport SubscribeError Subscription",
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = ["__version__", *_MODULES]


def __getattr__(name):
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__})
