from . import reading as reading
from .calls import Call as Call
from .events import Event as Event
from .target import Target as Target
from .transport import AsyncClient as AsyncClient
from .transport import Client as Client
