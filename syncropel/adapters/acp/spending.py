"""What a run has spent, from what its agent says of it."""

from __future__ import annotations

from typing import Any

from syncropel.adapters.acp.kinds import Kind
from syncropel.adapters.acp.messages import Reply
from syncropel.adapters.agents.spending import Spending
from syncropel.adapters.models.prices import Prices
from syncropel.adapters.models.tokens import Tokens, count
from syncropel.adapters.models.words import dollars, name, part, parts
from syncropel.adapters.reading import Usage


class SessionSpending:
    """Tokens come with the answer to each prompt, US dollars as a sum over the session.

    `before`: US dollars that the session had cost before this run; None when that is unknown.
    """

    def __init__(self, kind: Kind, prices: Prices, before: float | None) -> None:
        self.spending = Spending(prices)
        self.turn_was_paid = True
        """Whether the model was asked anything in the last turn, by the agent's own figures."""
        self._kind = kind
        self._before: float | None = before
        self._prices = prices
        self._model = ""
        self._tokens: dict[str, Tokens] = {}
        self._session_cost: float | None = None
        self._complete = True
        self._turns = 0

    def begin(self, model: str, *, resumed: bool) -> None:
        """The session has begun."""
        self._model = model
        if not resumed:
            self._before = 0.0

    @property
    def session_cost_usd(self) -> float | None:
        """US dollars of the whole session, as the agent says; None when it does not."""
        return self._session_cost

    @property
    def known(self) -> bool:
        """Whether `spending` is complete."""
        said = self._session_cost is not None and self._before is not None
        return self._turns > 0 and self._complete and (said or not self._kind.says_cost)

    def paid(self, cost: dict[str, Any]) -> None:
        """Take the session's cost."""
        if cost.get("currency") == "USD" and (amount := dollars(cost.get("amount"))) is not None:
            self._session_cost = max(amount, self._session_cost or 0.0)

    def turn(self, reply: Reply, *, in_tool: bool) -> list[Usage]:
        """A turn has ended: the usage that is new. `in_tool`: if it was cancelled, a tool ran just then."""
        self._turns += 1
        quota = part(part(reply.result.get("_meta")).get("quota"))
        new = {
            name(one.get("model")): _tokens(part(one.get("token_count")))
            for one in parts(quota.get("model_usage"))
        }
        if not new and self._kind.says_tokens and part(reply.result.get("usage")):
            new = {self._model: _tokens(part(reply.result.get("usage")))}
        used = sum(one.total for one in new.values())
        # claude answers a prompt that was joined by another with zeros, and the other with all.
        self.turn_was_paid = self._kind.says_cost or used > 0
        stopped = reply.result.get("stopReason") == "cancelled"
        self._complete = self._complete and reply.error is None and self.turn_was_paid
        # A request that was cut short is paid, and in no count; codex leaves its tokens out altogether.
        self._complete = self._complete and (in_tool or not stopped or self._kind.counts_cut_turns)
        for model, tokens in new.items():
            self._tokens[model] = self._tokens.get(model, Tokens()) + tokens
        return self._settle() if self._kind.says_cost else self._counted(new)

    def _counted(self, new: dict[str, Tokens]) -> list[Usage]:
        return [self.spending.several(model, tokens) for model, tokens in new.items() if tokens.total]

    def _settle(self) -> list[Usage]:
        """Share the agent's cost among its models, as a price list would."""
        if self._session_cost is None or self._before is None:
            return self._counted_so_far()
        total = max(0.0, self._session_cost - self._before)
        if not total and not self._tokens:
            return []
        models = self._tokens or {self._model: Tokens()}
        listed = {model: self._prices.of_sum(model, tokens) for model, tokens in models.items()}
        whole = sum(cost for cost in listed.values() if cost)
        told = []
        for position, (model, tokens) in enumerate(models.items()):
            cost = listed[model]
            exact = whole and None not in listed.values()
            share = (cost or 0.0) / whole if exact else float(position == 0)
            told.append(self.spending.settle(model, tokens, total * share))
        return [one for one in told if one is not None]

    def _counted_so_far(self) -> list[Usage]:
        told = [self.spending.settle(model, tokens, None) for model, tokens in self._tokens.items()]
        return [one for one in told if one is not None]


def _tokens(said: dict[str, Any]) -> Tokens:
    """Counts under the names that the agents use. Gemini's input includes what was cached, uncounted."""

    def of(*names: str) -> int:
        return next((count(said[one]) for one in names if one in said), 0)

    return Tokens(
        of("inputTokens", "input_tokens"),
        of("cachedInputTokens", "cachedReadTokens"),
        of("cachedWriteTokens", "cacheWriteInputTokens"),
        of("outputTokens", "output_tokens"),
        of("reasoningOutputTokens", "thoughtTokens"),
    )
