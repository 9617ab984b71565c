"""The closed list of words for what happened to a car or an attribute.

Every finding, verdict and journal line uses one of them; `reports.wording` says each in French and English.
"""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why a verdict is what it is; the values are stable names that files and people may rely on."""

    # Attributes
    BLANK_FILLED = "blank_filled"
    FIRST_CONTACT = "first_contact"
    REFUSED_CHANGE = "refused_change"
    BOTH_CHANGED = "both_changed"
    IMPLAUSIBLE_JUMP = "implausible_jump"
    IMMUTABLE_CHANGED = "immutable_changed"
    POLICE_NUMBER_CHANGED = "police_number_changed"
    INVALID_VALUE = "invalid_value"
    BLANKED = "blanked"
    BLANK_NOT_FILLED = "blank_not_filled"
    CANNOT_WRITE = "cannot_write"
    NOT_SYNCHRONISED = "not_synchronised"
    DECIDED_BY_REVIEWER = "decided_by_reviewer"
    NOT_KEPT_AS_WRITTEN = "not_kept_as_written"
    WRITE_REJECTED = "write_rejected"
    NOT_DELIVERED = "not_delivered"
    KEEPS_COMING_BACK = "keeps_coming_back"
    OWNERSHIP_UNKNOWN = "ownership_unknown"
    POLICE_NUMBER_DUPLICATE = "police_number_duplicate"
    POLICE_NUMBER_OUT_OF_ORDER = "police_number_out_of_order"
    # Binding
    AMBIGUOUS_MATCH = "ambiguous_match"
    DUPLICATE = "duplicate"
    UNREADABLE_RECORD = "unreadable_record"
    FIELD_GONE = "field_gone"
    IDENTITY_MISSING = "identity_missing"
    UNKNOWN_IN_VEHICLE_MODULE = "unknown_in_vehicle_module"
    MISSING_IN_DMS = "missing_in_dms"
    MISSING_IN_VEHICLE_MODULE = "missing_in_vehicle_module"
    # Lifecycle
    POLICE_NUMBER_MISSING = "police_number_missing"
    INVOICE_INCOMPLETE = "invoice_incomplete"
    INVOICED_BEFORE_DELIVERY = "invoiced_before_delivery"
    EXIT_NOT_ALLOWED = "exit_not_allowed"
    STAGE_REGRESSION = "stage_regression"
    REOPENED_IN_DMS = "reopened_in_dms"
    STAGE_NOT_IN_LIFE = "stage_not_in_life"
    ILLEGAL_TRANSITION = "illegal_transition"
    SOLD_OUTSIDE_OPPORTUNITES = "sold_outside_opportunites"
    ORDER_CANCELLED_RESERVATION_STAYS = "order_cancelled_reservation_stays"
    # Delivery
    SYSTEM_UNAVAILABLE = "system_unavailable"
