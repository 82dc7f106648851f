"""What the user says about personal data and secrets in the texts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from tunewright.core.private import PRIVATE_KINDS, PrivateKind
from tunewright.recipe.spec import Spec

PrivacyPolicy = Literal["flag", "mask", "drop", "ignore"]
REGIONS = ["US", "GB", "IE", "CA", "AU", "DE", "FR", "ES", "IT", "NL", "PL", "PT", "IN", "BR"]
Region = Annotated[str, Field(pattern="^[A-Z]{2}$")]


class PrivacySpec(Spec):
    """What becomes of personal data and secrets, by kind: `flag` counts them, `mask` puts a placeholder such as
    `<EMAIL_1>` in their place, `drop` removes the row (in columns beside the text it masks),
    `ignore` does not look for them."""

    default: PrivacyPolicy = "flag"
    """What becomes of the kinds that are not named below."""
    email: PrivacyPolicy | None = None
    """E-mail addresses."""
    phone: PrivacyPolicy | None = None
    """Phone numbers: those with a country code, those of `regions`, and any behind a word such as `call`."""
    card: PrivacyPolicy | None = None
    """Payment card numbers, by Luhn's check and the issuer's range."""
    iban: PrivacyPolicy | None = None
    """Bank account numbers, by their checksum and their country's length."""
    national_id: PrivacyPolicy | None = None
    """Spanish DNI and NIE, Dutch BSN and Polish PESEL by their checksums, and US social security numbers by their
    form."""
    ip: PrivacyPolicy | None = None
    """IP addresses, versions 4 and 6."""
    mac: PrivacyPolicy | None = None
    """MAC addresses."""
    birth_date: PrivacyPolicy | None = None
    """Dates behind words such as `born` or `date of birth`."""
    person: PrivacyPolicy | None = None
    """Names of persons; only `names` finds them."""
    address: PrivacyPolicy | None = None
    """Postal addresses: Irish Eircodes, and what `names` finds."""
    secret: PrivacyPolicy | None = None
    """API keys and tokens by their prefix, private keys, JSON web tokens, logins in addresses, and mixed signs behind
    words such as `password`."""
    regions: list[Region] = REGIONS
    """Countries (two capitals) whose phone numbers are known without a country code."""
    names: Literal["off", "presidio"] = "off"
    """What finds names and addresses: nothing, or presidio-analyzer with a language model that is installed here
    (`pip install 'tunewright[privacy]'`)."""

    @field_validator("regions")
    @classmethod
    def _regions_exist(cls, regions: list[str]) -> list[str]:
        if set(regions) <= set(REGIONS):
            return regions
        from phonenumbers import SUPPORTED_REGIONS  # noqa: PLC0415  # its tables load only for who asks for others

        unknown = [region for region in regions if region not in SUPPORTED_REGIONS]
        if unknown:
            raise ValueError(f"{unknown[0]!r} is no country with phone numbers: write two capitals, such as 'IE'")
        return regions

    @model_validator(mode="after")
    def _persons_are_looked_for(self) -> PrivacySpec:
        if self.names == "off" and self.person not in {None, "ignore"}:
            raise ValueError(
                f"person is {self.person!r} and names is 'off', which finds no person: write `names: presidio`, or "
                "remove `person`"
            )
        return self

    def policy(self, kind: PrivateKind) -> PrivacyPolicy:
        """What becomes of a kind."""
        own: PrivacyPolicy | None = getattr(self, kind)
        return self.default if own is None else own

    def kinds(self, *policies: PrivacyPolicy) -> tuple[PrivateKind, ...]:
        """The kinds that have one of the policies, in their order."""
        return tuple(kind for kind in PRIVATE_KINDS if self.policy(kind) in policies)
