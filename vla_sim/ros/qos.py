"""Quality of service of the contract's topics."""

from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

QOS: dict[str, QoSProfile] = {
    "sensor": QoSProfile(depth=2, reliability=ReliabilityPolicy.BEST_EFFORT),
    "reliable": QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE),
    "latched": QoSProfile(
        depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
    ),
}
LOCKSTEP_QOS = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE)
"""Of every topic in lock-step: no message may be lost, and none is kept for late joiners, which would not be
counted."""

# The contract fixes the quality of service, and rclpy's watch for a mismatch costs a wait-set entry each.
NO_PUBLISHER_EVENTS = PublisherEventCallbacks(use_default_callbacks=False)
NO_SUBSCRIPTION_EVENTS = SubscriptionEventCallbacks(use_default_callbacks=False)
