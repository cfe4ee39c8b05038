"""References to things in the world, written the same way by everybody, so that records about the same thing
match.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Reference = dict[str, str]
"""`{"kind": "@community.entity", "id": "scheme:value"}`"""


class Ref:
    """One constructor for each kind of thing. Each raises ValueError when nothing identifies the thing.

    When several ids are given, the first one in parameter order is used.
    """

    @staticmethod
    def music_track(
        *, isrc: str | None = None, spotify_id: str | None = None, apple_id: str | None = None
    ) -> Reference:
        """A recording."""
        return _first("@music.track", isrc=isrc, spotify=spotify_id, apple=apple_id)

    @staticmethod
    def code_file(*, path: str, repo: str | None = None, git_url: str | None = None) -> Reference:
        """A file of source code: its path in a repository, `owner/name` or a URL."""
        if not path:
            raise ValueError("@code.file needs a path")
        found = _first("@code.file", github=repo, git=git_url)
        return {**found, "id": f"{found['id']}:{path}"}

    @staticmethod
    def ops_incident(
        *, pagerduty: str | None = None, linear: str | None = None, url: str | None = None
    ) -> Reference:
        """An incident in production."""
        return _first("@ops.incident", pagerduty=pagerduty, linear=linear, url=url)

    @staticmethod
    def cal_event(*, uid: str) -> Reference:
        """An event of a calendar, by its iCalendar UID."""
        return _first("@cal.event", icalendar=uid)

    @staticmethod
    def social_person(
        *,
        did: str | None = None,
        email: str | None = None,
        handle: str | None = None,
        name: str | None = None,
    ) -> Reference:
        """A person: a DID, an email address, or the name of a platform (`handle`) and of an account there."""
        if did:
            return {"kind": "@social.person", "id": did}
        if not email and handle and name:
            return {"kind": "@social.person", "id": f"{handle}:{name}"}
        return _first("@social.person", email=email)

    @staticmethod
    def media_photo(*, sha256: str | None = None, url: str | None = None) -> Reference:
        """A photograph; `sha256` as hex digits."""
        return _first("@media.photo", sha256=sha256, url=url)

    @staticmethod
    def media_video(
        *, youtube: str | None = None, vimeo: str | None = None, sha256: str | None = None
    ) -> Reference:
        """A video; `sha256` as hex digits."""
        return _first("@media.video", youtube=youtube, vimeo=vimeo, sha256=sha256)

    @staticmethod
    def doc_text(
        *, doi: str | None = None, url: str | None = None, platform_id: str | None = None
    ) -> Reference:
        """A document; `platform_id` as `platform:id`."""
        if doi or url or not platform_id:
            return _first("@doc.text", doi=doi, url=url, platform_id=None)
        if ":" not in platform_id:
            raise ValueError(f"invalid platform_id {platform_id!r}: write it as platform:id")
        return {"kind": "@doc.text", "id": platform_id}

    @staticmethod
    def fin_transaction(
        *, stripe: str | None = None, plaid: str | None = None, iso20022: str | None = None
    ) -> Reference:
        """A payment."""
        return _first("@fin.transaction", stripe=stripe, plaid=plaid, iso20022=iso20022)

    @staticmethod
    def research_paper(
        *, doi: str | None = None, arxiv: str | None = None, s2: str | None = None
    ) -> Reference:
        """A paper; `s2` is its id at Semantic Scholar."""
        return _first("@research.paper", doi=doi, arxiv=arxiv, s2=s2)

    @staticmethod
    def core_thread(*, id: str) -> Reference:  # noqa: A002 - the published name of the parameter
        """A thread of records."""
        return _first("@core.thread", thread=id)


def merge_refs(body: Mapping[str, Any], refs: list[Reference] | None) -> dict[str, Any]:
    """A copy of the body with these references appended to its `_refs`."""
    return {**body, "_refs": [*body.get("_refs", ()), *refs]} if refs else dict(body)


def _first(kind: str, **ids: str | None) -> Reference:
    for scheme, value in ids.items():
        if value:
            return {"kind": kind, "id": f"{scheme}:{value}"}
    raise ValueError(f"{kind} needs one of: {', '.join(ids)}")
