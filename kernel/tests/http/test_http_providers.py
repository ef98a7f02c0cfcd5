"""Providers by the API: asked before they are kept, with what their kind needs, and with their health."""

import pytest

from codeforge import Invalid, Provider, ProviderField, ProviderKind

KEY = ProviderField(name="key", label="Key", example="sk-...", secret=True)


@pytest.fixture
def source(forge):
    """The source of models knows a kind "lab", takes the key sk-good and has found a provider itself."""
    llm, asked = forge.offers.llms["two"], []

    async def check(provider):
        asked.append(provider)
        if provider.secret != "sk-good":
            raise Invalid(f"{provider.name} refused the key (401): copy it again.", field="key")
        return f"{provider.name} answers."

    async def providers(tenant_id):
        return [Provider(name="near", kind="lab", base_url="http://127.0.0.1:1", found="this machine")]

    llm.kinds = lambda: [ProviderKind(name="lab", label="The lab", fields=(KEY,))]
    llm.check, llm.providers = check, providers
    return asked


async def test_kinds_say_what_they_need(api, source):
    field = {"name": "key", "label": "Key", "example": "sk-...", "required": True, "secret": True, "many": False}
    assert (await api("GET", "/provider-kinds")).json["items"] == [
        {"name": "lab", "label": "The lab", "fields": [field]}
    ]


async def test_a_provider_is_kept_only_when_it_takes_its_key(api, source):
    refused = await api("PUT", "/providers/mine", {"kind": "lab", "key": "sk-bad"})
    assert (refused.status, refused.json["field"]) == (422, "key")
    assert refused.json["detail"] == "mine refused the key (401): copy it again."
    assert [p["name"] for p in (await api("GET", "/providers")).json["items"]] == ["near"]
    assert (await api("PUT", "/providers/mine", {"kind": "lab", "key": "sk-good"})).status == 200
    assert (await api("PUT", "/providers/mine", {"kind": "lab", "base_url": "https://lab.example/v1"})).status == 200
    assert (source[-1].secret, source[-1].base_url) == ("sk-good", "https://lab.example/v1")
    asked = len(source)
    assert (await api("PUT", "/providers/mine?test=false", {"kind": "lab", "key": "sk-bad"})).status == 200
    assert len(source) == asked


@pytest.mark.parametrize(
    ("body", "sentence", "field"),
    [
        ({"kind": "lab"}, "The lab needs Key, such as sk-...: give it.", "key"),
        ({"kind": "moon", "key": "sk-good"}, "There is no kind moon of providers; there is lab.", "kind"),
    ],
)
async def test_what_is_missing_is_named(api, source, body, sentence, field):
    answer = await api("PUT", "/providers/mine", body)
    assert (answer.status, answer.json["detail"], answer.json["field"]) == (422, sentence, field)
    assert source == []


async def test_a_provider_is_asked_whenever_one_wants(api, source):
    await api("PUT", "/providers/mine", {"kind": "lab", "key": "sk-good"})
    answer = (await api("POST", "/providers/mine/test")).json
    assert (answer["ok"], answer["detail"]) == (True, "mine answers.")
    near = (await api("POST", "/providers/near/test")).json
    assert (near["ok"], near["detail"]) == (False, "The lab needs Key, such as sk-...: give it.")
    assert (await api("POST", "/providers/gone/test")).status == 404


async def test_providers_are_listed_with_where_they_are_from_and_how_they_do(api, forge, who, source):
    await api("PUT", "/providers/mine", {"kind": "lab", "key": "sk-good"})
    figures = {"provider": "mine", "model": "mine/m", "streamed": False, "counted": "reported"}
    for status, milliseconds, error in ((200, 10, ""), (200, 30, ""), (200, 20, ""), (503, 1, "ill"), (499, 1, "gone")):
        await forge.calls.record(who.tenant_id, status=status, milliseconds=milliseconds, error=error, **figures)
    mine, near = (await api("GET", "/providers")).json["items"]
    health = mine["health"]
    assert (mine["found"], near["found"], near["has_key"]) == ("", "this machine", False)
    assert (health["calls"], health["errors"], health["latency"], health["error"]) == (4, 0.25, 20, "ill")
    assert health["failed_at"] >= health["answered_at"]
    assert near["health"] == {
        "calls": 0,
        "errors": None,
        "latency": None,
        "answered_at": None,
        "failed_at": None,
        "error": "",
    }
