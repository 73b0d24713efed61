"""Why runs need a person, in words: a title and an explanation."""

from operations.records import Attention

ATTENTION_TEXTS = {
    Attention.OVERDUE: ("Overdue", "a timer, a time-out, a retry or a start is late"),
    Attention.STUCK: ("Stuck", "an activity has not ended for 10 minutes"),
    Attention.EVENT: ("Waiting for an event", "a person may have to raise it"),
    Attention.STALLED: ("Stalled", "the engine refuses to continue"),
}
