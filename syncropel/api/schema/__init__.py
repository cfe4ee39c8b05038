"""The wire models: what the HTTP API answers. The client, the console and the OpenAPI document share them.

Times are unix seconds, durations seconds, money US dollars (all float), unless a name says otherwise.
"""

from syncropel.api.schema.accounts import MintedToken, ServiceAccount, WhoAmI
from syncropel.api.schema.base import ErrorBody, InstanceStatus, Item, Page, Wire
from syncropel.api.schema.control import (
    BlastRadius,
    Confirmation,
    ControlWritten,
    DrainChanged,
    DrainingInstance,
    DrainStatus,
    FanOutMet,
    FreezeOut,
    NamespaceList,
    NamespaceOut,
)
from syncropel.api.schema.fleet import (
    DispatchOut,
    FanOutProgress,
    FleetStatus,
    Heartbeat,
    HeartbeatAnswer,
    InstanceOut,
    OpenAttempt,
    RunningSpend,
)
from syncropel.api.schema.health import Capabilities, EngineHealth, Health, HealthCheck
from syncropel.api.schema.log import LogLine, LogPage
from syncropel.api.schema.records import BatchOutcome, BatchResult, PostedRecord, RecordOut
from syncropel.api.schema.rules import (
    EXPRESSION_CONTEXTS,
    CacheStatsOut,
    ConfigWritten,
    ExpressionChecked,
    ExpressionContext,
    ExpressionRequest,
    ExpressionValue,
    RuleList,
    RuleOut,
)
from syncropel.api.schema.tasks import (
    ChildOut,
    ChildState,
    JoinStatus,
    SerialBaseline,
    Speedup,
    TaskDetail,
    TaskSummary,
)
from syncropel.api.schema.threads import Participant, ThreadState, ThreadSummary

__all__ = [
    "EXPRESSION_CONTEXTS",
    "BatchOutcome",
    "BatchResult",
    "BlastRadius",
    "CacheStatsOut",
    "Capabilities",
    "ChildOut",
    "ChildState",
    "ConfigWritten",
    "Confirmation",
    "ControlWritten",
    "DispatchOut",
    "DrainChanged",
    "DrainStatus",
    "DrainingInstance",
    "EngineHealth",
    "ErrorBody",
    "ExpressionChecked",
    "ExpressionContext",
    "ExpressionRequest",
    "ExpressionValue",
    "FanOutMet",
    "FanOutProgress",
    "FleetStatus",
    "FreezeOut",
    "Health",
    "HealthCheck",
    "Heartbeat",
    "HeartbeatAnswer",
    "InstanceOut",
    "InstanceStatus",
    "Item",
    "JoinStatus",
    "LogLine",
    "LogPage",
    "MintedToken",
    "NamespaceList",
    "NamespaceOut",
    "OpenAttempt",
    "Page",
    "Participant",
    "PostedRecord",
    "RecordOut",
    "RuleList",
    "RuleOut",
    "RunningSpend",
    "SerialBaseline",
    "ServiceAccount",
    "Speedup",
    "TaskDetail",
    "TaskSummary",
    "ThreadState",
    "ThreadSummary",
    "WhoAmI",
    "Wire",
]
