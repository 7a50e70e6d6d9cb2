"""What the original documents state, sentence by sentence, and where each is shown.

`000` is "Asynchronous I/O and Completion Functions", `001` "Multipacket Sends
from Deserialized Miniport Drivers", `002` "W_ALLOCATE_COMPLETE_HANDLER
callback function", all of NDIS 5.1, and `003` "Deserialized NDIS Miniport
Drivers". A sentence stands here in few words; what shows it is a test, as
`path::name`, or a scenario, by its path.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence of a document, by the document's number, and what shows that it holds here.

    Where the document is in error, `erratum` says how, and why it is one.
    """

    document: str
    sentence: str
    shown_by: tuple[str, ...] = ()
    erratum: str = ""

    def __str__(self) -> str:
        return f"{self.document}: {self.sentence}"


STATEMENTS: Final = (
    Statement(
        "000", "network drivers handle most operations asynchronously instead of waiting in a loop",
        ("tests/ndis/test_send.py::test_every_style_completes_each_packet_once",
         "tests/ndis/test_requests.py::test_every_style_ends_each_request_once",
         "scenarios/seeds/000-completion-deserialized.yaml"),
    ),
    Statement(
        "000", "MiniportSend may complete at once and return SUCCESS or FAILURE",
        ("tests/ndis/test_serialized.py::test_a_final_status_of_miniport_send_is_what_ndis_send_returns",
         "tests/ndis/test_send.py::test_a_synchronous_answer_of_a_deserialized_miniport_send"),
    ),
    Statement(
        "000", "MiniportSend may return RESOURCES",
        ("tests/ndis/test_serialized.py::test_resources_of_miniport_send_goes_to_the_head_of_the_queue",
         "tests/drivers/test_legacy.py::test_a_full_ring_is_resources",
         "scenarios/seeds/000-completion-serialized.yaml"),
    ),
    Statement(
        "000", "MiniportSend may return PENDING, while the driver or NDIS queues the packet",
        ("tests/ndis/test_serialized.py::test_pending_is_outstanding_until_the_completion",
         "tests/ndis/test_send.py::test_a_pending_miniport_send_is_completed_later"),
    ),
    Statement(
        "000", "NdisMSendComplete passes the packet descriptor, and the protocol driver is told",
        ("tests/ndis/test_send.py::test_a_packet_is_the_adapters_while_it_is_sent",
         "tests/ndis/test_send.py::test_a_completion_of_several_protocols_packets_tells_each_its_own",
         "scenarios/seeds/000-surprise-removal.yaml", "scenarios/seeds/000-stop.yaml"),
    ),
    Statement(
        "000", "there is a completion function for setting and querying configuration",
        ("tests/ndis/test_requests.py::test_every_style_ends_each_request_once",),
    ),
    Statement(
        "000", "there is a completion function for resetting hardware",
        ("tests/ndis/test_reset.py::test_every_style_resets_once",
         "tests/ndis/test_reset.py::test_a_protocol_that_asks_is_answered_last",
         "tests/bench/test_endurance.py::test_a_fault_at_full_load_loses_nothing",
         "scenarios/seeds/000-hang.yaml"),
    ),
    Statement(
        "000", "there is a completion function for indicating status",
        ("tests/ndis/test_indication.py::test_every_protocol_is_told",
         "tests/ndis/test_indication.py::test_an_end_needs_a_beginning",
         "scenarios/seeds/000-link-flap.yaml"),
    ),
    Statement(
        "000", "there is a completion function for indicating received data",
        ("tests/ndis/test_lookahead.py::test_a_batch_is_completed_once_for_all_who_were_shown_something",
         "tests/ndis/test_receive.py::test_the_end_of_an_array_is_told_once"),
    ),
    Statement(
        "000", "there is a completion function for transferring received data",
        ("tests/ndis/test_transfer.py::test_a_pending_transfer_is_completed_once",),
    ),
    Statement(
        "001", "a protocol may specify a time to send to a driver that supports priority sends",
        ("tests/drivers/test_priority.py::test_a_packet_waits_for_its_time",),
    ),
    Statement(
        "001", "NDIS ignores the Status of the out-of-band block; the driver may set it",
        ("tests/ndis/test_send.py::test_the_status_in_the_out_of_band_block_is_ignored_on_return",
         "tests/ndis/co/test_data.py::test_a_send_comes_back_with_the_status_of_its_completion"),
    ),
    Statement(
        "001", "the Status may be set before the return from MiniportCoSendPackets",
        erratum="the page is about MiniportSendPackets, which it names in every other sentence",
    ),
    Statement(
        "001", "all else in the out-of-band block is read-only to a miniport",
        ("tests/drivers/test_ring.py::test_the_out_of_band_block_is_only_read",),
    ),
    Statement(
        "001", "each packet is completed asynchronously with NdisMSendComplete, and must be",
        ("tests/ndis/test_send.py::test_ndis_send_over_arrays_is_always_pending",
         "tests/ndis/test_send.py::test_a_wrong_completion_is_refused_whole",
         "tests/ndis/test_adapter.py::test_a_driver_that_never_completes_is_stopped_when_its_protocol_closes",
         "scenarios/seeds/000-surprise-removal.yaml"),
    ),
    Statement(
        "001", "the driver holds packets in its internal queue until they can be transmitted",
        ("tests/drivers/test_ring.py::test_sends_queue_inside_whatever_the_ring",
         "scenarios/seeds/001-multipacket.yaml"),
    ),
    Statement(
        "001", "NDIS does not queue and resubmit for it",
        ("tests/ndis/test_send.py::test_packets_reach_the_miniport_in_the_order_of_submission",
         "scenarios/seeds/001-multipacket.yaml"),
    ),
    Statement(
        "001", "the driver preserves the protocol-determined order of the packets",
        ("tests/drivers/test_ring.py::test_every_frame_arrives_once_and_in_order",
         "scenarios/seeds/001-multipacket.yaml"),
    ),
    Statement(
        "001", "a deserialized driver cannot call NdisMSendResourcesAvailable",
        ("tests/ndis/test_library.py::test_send_resources_available_is_for_serialized_miniports",),
    ),
    Statement(
        "001", "RESOURCES passed to NdisMSendComplete fails the send, and the protocol has its packet back",
        ("tests/ndis/test_send.py::test_a_deserialized_miniport_may_not_answer_resources",),
    ),
    Statement(
        "002", "MiniportAllocateComplete is called whether the allocation succeeds or fails, with the driver's context",
        ("tests/ndis/test_allocation.py::test_the_callback_comes_with_memory_or_without",),
    ),
    Statement(
        "002", "NdisMAllocateSharedMemoryAsync needs a bus master with MiniportReturnPacket",
        ("tests/ndis/test_allocation.py::test_who_may_not_ask_is_refused",),
    ),
    Statement(
        "002", "the driver uses virtual addresses and the card the physical ones of the same memory",
        ("tests/ndis/test_resources.py::test_shared_memory_is_the_drivers_and_the_cards",),
    ),
    Statement(
        "002", "a driver asks for more when it runs low on receive buffers, also from MiniportHandleInterrupt",
        ("tests/drivers/test_pool.py::test_a_pool_grows_with_what_protocols_keep",
         "tests/drivers/test_pool.py::test_nobody_asks_without_need",
         "scenarios/seeds/002-allocation-success.yaml"),
    ),
    Statement(
        "002", "if the call succeeded, MiniportAllocateComplete sets up buffers, and multipacket indications go on",
        ("tests/drivers/test_pool.py::test_no_frame_is_lost_while_a_pool_grows",
         "scenarios/seeds/002-allocation-success.yaml"),
    ),
    Statement(
        "002", "new receive buffers are aligned on cache lines, with descriptors from a buffer pool",
        ("tests/drivers/test_pool.py::test_new_buffers_begin_on_cache_lines",),
    ),
    Statement(
        "002", "if the call failed, packets are indicated with RESOURCES, until buffers are replenished",
        ("tests/drivers/test_pool.py::test_a_pool_that_gets_no_memory_is_low_until_packets_return",
         "scenarios/seeds/002-allocation-fails.yaml"),
    ),
    Statement(
        "002", "arrays go to ProtocolReceivePacket of those that export it, and one by one to ProtocolReceive of the others",
        ("tests/ndis/test_receive.py::test_a_protocol_without_receive_packet_is_shown_packets_one_by_one",),
    ),
    Statement(
        "002", "RESOURCES in the out-of-band block lets protocols release each packet as it is indicated",
        ("tests/ndis/test_receive.py::test_packets_marked_resources_go_to_protocol_receive",
         "tests/ndis/test_receive.py::test_packets_marked_resources_are_kept_by_nobody",
         "tests/ndis/test_receive.py::test_each_packet_of_a_mixed_array_has_its_own_status"),
    ),
    Statement(
        "002", "the call and the callback are at IRQL <= DISPATCH_LEVEL",
        ("tests/contracts/test_ddi.py::test_a_declared_contract_is_the_documents",),
    ),
    Statement(
        "002", "MiniportAllocateComplete is optional, and supplied by drivers that ask for memory in this way",
        ("tests/ndis/test_allocation.py::test_an_allocation_that_nobody_takes_is_a_violation",
         "scenarios/seeds/000-completion-serialized.yaml"),
    ),
    Statement(
        "002", "it is of NDIS 5.1; NDIS 6 has a callback of its own",
        ("tests/contracts/test_ddi.py::test_every_row_is_found_in_the_code",),
    ),
    Statement(
        "002", "a driver may ask from MiniportHandleInterrupt and from MiniportTimer",
        ("tests/ndis/test_allocation.py::test_the_callback_comes_with_memory_or_without",),
    ),
    Statement(
        "003", "all drivers of NDIS 6 are deserialized",
        ("tests/drivers/test_catalogue.py::test_a_miniport_is_what_its_row_says",
         "scenarios/seeds/003-ndis6.yaml"),
    ),
    Statement(
        "003", "a serialized driver is entered by one CPU at a time, which costs full-duplex performance",
        ("tests/ndis/test_miniportlock.py::test_one_entry_at_a_time",
         "tests/ndis/test_miniportlock.py::test_waiting_for_the_lock_costs_modelled_time",
         "tests/bench/test_duplex.py::test_on_two_cpus_the_deserialized_driver_gains",
         "scenarios/full_duplex.yaml", "scenarios/seeds/003-full-duplex.yaml"),
    ),
    Statement(
        "003", "connection-oriented drivers must be deserialized",
        ("tests/ndis/co/test_violations.py::test_a_miniport_that_says_it_is_serialized_is_refused",
         "scenarios/seeds/003-connection-oriented.yaml"),
    ),
    Statement(
        "003", "drivers with a WDM lower edge must be deserialized",
        ("tests/ndis/test_lower_edge.py::test_a_serialized_driver_has_no_such_edge",
         "scenarios/seeds/003-wdm-edge.yaml"),
    ),
    Statement(
        "003", "older drivers should be ported to NDIS 6; until then both generations work together",
        ("tests/machine/test_translation.py::test_a_conversation_crosses_any_two_generations",
         "scenarios/seeds/003-generations.yaml"),
    ),
    Statement(
        "003", "a driver says during initialization that it is deserialized",
        ("tests/ndis/test_library.py::test_attributes_are_what_the_driver_says_and_deserialize",),
    ),
    Statement(
        "003", "every send is completed asynchronously, on circuits by the connection-oriented call",
        ("tests/ndis/v6/test_send.py::test_every_style_completes_each_list_once",
         "tests/ndis/co/v6/test_sends.py::test_every_list_comes_back_once_in_either_style",
         "scenarios/seeds/003-connection-oriented.yaml"),
    ),
    Statement(
        "003", "in NDIS 6 the driver sets the Status of each NET_BUFFER_LIST before it completes it",
        ("tests/ndis/v6/test_send.py::test_a_list_without_a_status_counts_as_failed",
         "tests/ndis/v6/test_send.py::test_lists_of_one_completion_may_end_differently",
         "tests/ndis/co/v6/test_sends.py::test_lists_of_one_completion_may_end_differently"),
    ),
    Statement(
        "003", "a driver short of resources cannot return sends to NDIS; it queues them inside",
        ("tests/drivers/test_ring6.py::test_sends_queue_inside_whatever_the_ring",
         "scenarios/seeds/003-ndis6.yaml", "scenarios/seeds/003-full-duplex.yaml"),
    ),
    Statement(
        "003", "a driver cannot assume in which sequence its entry points are called",
        ("tests/drivers/test_two_cpus.py::test_two_cpus_lose_and_reorder_nothing",),
    ),
    Statement(
        "003", "what was indicated is not the driver's until MiniportReturnNetBufferLists",
        ("tests/ndis/v6/test_receive.py::test_a_list_belongs_to_the_protocol_until_it_returns_it",
         "tests/ndis/v6/test_receive.py::test_a_list_is_not_indicated_while_it_is_lent"),
    ),
    Statement(
        "003", "queues are protected by spin locks, shared state against concurrent entries",
        ("tests/drivers/test_two_cpus.py::test_no_queue_is_touched_without_its_lock",
         "tests/drivers/test_two_cpus.py::test_no_queue_of_the_ndis_6_miniport_is_touched_without_its_lock",
         "tests/drivers/test_two_cpus.py::test_two_cpus_lose_and_reorder_nothing",
         "tests/ndis/test_coroutines.py::test_a_lock_is_not_held_across_an_await"),
    ),
    Statement(
        "003", "entry points run at IRQL <= DISPATCH_LEVEL",
        ("tests/verifier/test_border.py::test_watching_changes_nothing",
         "tests/contracts/test_ddi.py::test_a_declared_contract_is_the_documents"),
    ),
    Statement(
        "003", "an entry point may preempt another one that runs at a lower IRQL",
        ("tests/kernel/test_cpu.py::test_isr_and_dpc_interrupt_passive_work",
         "tests/kernel/test_cpu.py::test_isr_interrupts_a_dpc_at_a_preemption_point",
         "scenarios/seeds/003-shared-interrupt.yaml"),
    ),
    Statement(
        "003", "sends are completed in the order that the protocol determines",
        ("tests/drivers/test_ring6.py::test_two_thousand_frames_get_across_unaltered",
         "scenarios/seeds/003-ndis6.yaml"),
    ),
    Statement(
        "003", "a driver that supports packet priority may reorder by it",
        ("tests/drivers/test_priority.py::test_a_high_priority_overtakes_what_waits",
         "tests/drivers/test_priority.py::test_an_array_leaves_by_priority_and_in_order",
         "tests/drivers/test_priority.py::test_a_driver_without_priority_keeps_the_protocols_order",
         "scenarios/seeds/003-priority.yaml"),
    ),
)  # fmt: skip
"""All statements that are shown, in the order of the documents."""
