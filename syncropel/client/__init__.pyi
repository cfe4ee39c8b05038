from . import reading as reading
from .async_transport import AsyncClient as AsyncClient
from .calls import Call as Call
from .events import Event as Event
from .target import Target as Target
from .transport import Client as Client
