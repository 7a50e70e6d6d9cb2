"""The mistakes of drivers that must end in a report, by the points of the reference's checklist (section 9).

What shows that a mistake is reported is a test in which a driver makes it,
as `path::name`. Where 5.x and 6 differ, both are named.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Mistake:
    """Something a driver can get wrong, the point of the checklist it breaks, and the tests in which one does."""

    point: int
    what: str
    shown_by: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.point}: {self.what}"


MISTAKES: Final = (
    Mistake(
        1, "a send is completed twice",
        ("tests/ndis/test_send.py::test_a_wrong_completion_is_refused_whole",
         "tests/ndis/test_serialized.py::test_a_second_completion_and_a_foreign_packet_are_refused",
         "tests/ndis/v6/test_send.py::test_a_list_is_completed_once",
         "tests/ndis/co/test_violations.py::test_each_packet_is_completed_once_on_its_circuit",
         "tests/ndis/co/v6/test_sends.py::test_a_list_is_completed_once_on_the_circuit_it_was_sent_on"),
    ),
    Mistake(
        1, "a send is completed that was never submitted",
        ("tests/ndis/test_send.py::test_a_wrong_completion_is_refused_whole",
         "tests/ndis/test_serialized.py::test_a_second_completion_and_a_foreign_packet_are_refused",
         "tests/ndis/co/test_violations.py::test_each_packet_is_completed_once_on_its_circuit"),
    ),
    Mistake(
        1, "a send is completed with PENDING",
        ("tests/ndis/test_send.py::test_a_completion_is_never_pending",
         "tests/ndis/test_serialized.py::test_a_completion_is_never_resources_or_pending",
         "tests/ndis/v6/test_send.py::test_a_list_without_a_status_counts_as_failed",
         "tests/ndis/co/test_violations.py::test_each_packet_is_completed_once_on_its_circuit"),
    ),
    Mistake(
        1, "a send is never completed",
        ("tests/ndis/test_adapter.py::test_a_driver_that_never_completes_is_stopped_when_its_protocol_closes",
         "tests/ndis/v6/test_send.py::test_sends_that_never_end_stop_the_adapter",
         "tests/machine/test_application.py::test_a_driver_that_never_completes_does_not_hang_the_application",
         "tests/scenario/test_bad_drivers.py::test_a_driver_that_never_completes_is_named_with_what_it_holds"),
    ),
    Mistake(
        1, "a request is completed with PENDING, twice, as one of the other kind, or without being there",
        ("tests/ndis/test_requests.py::test_a_wrong_completion_is_refused",
         "tests/ndis/v6/test_requests.py::test_only_the_pending_request_can_be_completed"),
    ),
    Mistake(
        1, "a request is never completed",
        ("tests/ndis/test_adapter.py::test_a_request_of_ndis_that_never_ends_stops_the_adapter",
         "tests/ndis/test_hang.py::test_a_request_that_survives_two_ticks_resets_the_adapter",
         "tests/ndis/v6/test_reset.py::test_a_request_that_survives_two_ticks_resets_the_adapter",
         "tests/scenario/test_livelock.py::test_it_is_named_and_the_run_ends"),
    ),
    Mistake(
        1, "a reset is completed that nobody has asked for, ends with no final status, or never ends",
        ("tests/ndis/test_reset.py::test_a_completion_without_a_reset_is_refused",
         "tests/ndis/test_reset.py::test_what_is_no_final_status_fails_the_reset",
         "tests/ndis/test_reset.py::test_a_reset_that_never_ends_stops_the_adapter",
         "tests/ndis/v6/test_reset.py::test_a_completion_without_a_reset_is_refused",
         "tests/ndis/v6/test_reset.py::test_what_is_no_final_status_fails_the_reset"),
    ),
    Mistake(
        1, "a pause or a restart is completed that is not pending, or never",
        ("tests/ndis/v6/test_adapter.py::test_a_completion_that_is_not_owed_is_refused",
         "tests/ndis/v6/test_adapter.py::test_what_never_completes_stops_the_adapter"),
    ),
    Mistake(
        1, "a halt or an initialization does not end",
        ("tests/scenario/test_bad_drivers.py::test_a_driver_that_does_not_halt_well_is_reported_after_all_its_traffic",
         "tests/scenario/test_bad_drivers.py::test_a_driver_that_starts_for_ever_is_given_up"),
    ),
    Mistake(
        1, "an open, a close, a bind or an unbind is not carried to its end by the protocol",
        ("tests/ndis/test_open_close.py::test_a_bind_that_is_never_completed_has_failed",
         "tests/ndis/test_open_close.py::test_an_unbind_that_is_never_completed_is_not_waited_for",
         "tests/ndis/test_open_close.py::test_one_bind_opens_once",
         "tests/ndis/test_binding.py::test_a_protocol_that_keeps_packets_for_ever_cannot_keep_the_adapter"),
    ),
    Mistake(
        1, "a network event is completed twice or never",
        ("tests/ndis/test_power.py::test_an_event_is_completed_once",
         "tests/ndis/test_power.py::test_a_protocol_that_never_answers_is_not_waited_for"),
    ),
    Mistake(
        1, "a transfer of data is completed with PENDING, twice or never",
        ("tests/ndis/test_transfer.py::test_a_wrong_completion_is_refused",
         "tests/ndis/test_transfer.py::test_a_transfer_is_not_completed_twice",
         "tests/ndis/test_transfer.py::test_a_transfer_that_never_ends_stops_the_adapter"),
    ),
    Mistake(
        1, "an allocation is on its way and nobody takes it",
        ("tests/ndis/test_allocation.py::test_an_allocation_that_nobody_takes_is_a_violation",
         "tests/ndis/test_allocation.py::test_who_may_not_ask_is_refused",
         "tests/ndis/test_allocation.py::test_a_halt_before_the_completion_is_a_violation"),
    ),
    Mistake(
        1, "an operation on a circuit, a call or an address family is completed that is not pending",
        ("tests/ndis/co/test_violations.py::test_a_call_out_of_order_is_refused_and_changes_nothing",
         "tests/ndis/co/test_violations.py::test_a_deactivation_that_never_ends_stops_the_adapter"),
    ),
    Mistake(
        2, "NDIS is called, or an entry point entered, at an IRQL that its contract forbids",
        ("tests/verifier/test_pairs.py::test_the_wrong_driver_breaks_its_rule_and_what_that_implies_and_no_other",
         "tests/ndis/test_indication.py::test_the_isr_indicates_nothing"),
    ),
    Mistake(
        2, "an entry point returns at another IRQL than it was entered at",
        ("tests/verifier/test_pairs.py::test_the_wrong_driver_breaks_its_rule_and_what_that_implies_and_no_other",
         "tests/kernel/test_cpu.py::test_what_code_leaves_behind_is_reported_and_undone",
         "tests/kernel/test_passive.py::test_raised_level_must_not_be_held_across_an_await"),
    ),
    Mistake(
        2, "a wait or a sleep where the level forbids it",
        ("tests/kernel/test_event.py::test_waiting_needs_passive_level",
         "tests/kernel/test_traps.py::test_sleeping_needs_a_level_below_dispatch",
         "tests/ndis/test_coroutines.py::test_an_entry_that_may_pend_awaits_nothing_foreign"),
    ),
    Mistake(
        3, "a lock is held across an await",
        ("tests/kernel/test_lock.py::test_lock_must_not_be_held_across_an_await",
         "tests/kernel/test_passive.py::test_lock_must_not_be_held_across_an_await",
         "tests/ndis/test_coroutines.py::test_a_lock_is_not_held_across_an_await"),
    ),
    Mistake(
        3, "a lock is held across a call into NDIS, or over the end of the code that has taken it",
        ("tests/verifier/test_pairs.py::test_the_wrong_driver_breaks_its_rule_and_what_that_implies_and_no_other",
         "tests/kernel/test_cpu.py::test_what_code_leaves_behind_is_reported_and_undone"),
    ),
    Mistake(
        3, "a lock is taken twice, released by another, with the call of the other kind, or out of order",
        ("tests/kernel/test_lock.py::test_lock_is_not_recursive",
         "tests/kernel/test_lock.py::test_lock_of_another_cpu_cannot_be_taken_nor_released",
         "tests/kernel/test_lock.py::test_free_lock_cannot_be_released",
         "tests/kernel/test_lock.py::test_plain_and_dpr_calls_do_not_mix",
         "tests/kernel/test_lock.py::test_dpr_variant_needs_dispatch_level_and_leaves_it",
         "tests/kernel/test_lock.py::test_locks_are_released_in_reverse_order"),
    ),
    Mistake(
        4, "a driver that calls itself serialized is used where none can be",
        ("tests/ndis/test_lower_edge.py::test_a_serialized_driver_has_no_such_edge",
         "tests/ndis/co/test_violations.py::test_a_miniport_that_says_it_is_serialized_is_refused"),
    ),
    Mistake(
        4, "entries of one serialized adapter overlap, which NDIS prevents",
        ("tests/ndis/test_miniportlock.py::test_one_entry_at_a_time",
         "tests/ndis/test_miniportlock.py::test_every_entry_can_come_while_another_runs",
         "tests/ndis/test_serialized.py::test_a_send_waits_for_the_entry_that_runs"),
    ),
    Mistake(
        5, "what was answered with RESOURCES is completed, or touched, all the same",
        ("tests/ndis/test_serialized.py::test_what_was_given_back_is_not_the_miniports",
         "tests/ndis/test_serialized.py::test_the_tail_behind_resources_is_left_alone"),
    ),
    Mistake(
        5, "a serialized driver completes a send with RESOURCES",
        ("tests/ndis/test_serialized.py::test_a_completion_is_never_resources_or_pending",),
    ),
    Mistake(
        5, "a status is missing, is none, or is followed by another completion",
        ("tests/ndis/test_serialized.py::test_every_oob_status_is_set_before_return",
         "tests/ndis/test_serialized.py::test_miniport_send_returns_a_status",
         "tests/ndis/test_serialized.py::test_what_was_completed_in_the_call_is_pending"),
    ),
    Mistake(
        5, "the gate stays shut, as nothing is outstanding that would open it",
        ("tests/ndis/test_serialized.py::test_resources_with_nothing_outstanding_stalls",
         "tests/ndis/test_serialized.py::test_a_stalled_queue_is_reset"),
    ),
    Mistake(
        6, "a deserialized driver answers a send with RESOURCES",
        ("tests/ndis/test_send.py::test_a_deserialized_miniport_may_not_answer_resources",
         "tests/ndis/test_send.py::test_a_synchronous_answer_of_a_deserialized_miniport_send"),
    ),
    Mistake(
        6, "a deserialized driver calls NdisMSendResourcesAvailable",
        ("tests/ndis/test_library.py::test_send_resources_available_is_for_serialized_miniports",),
    ),
    Mistake(
        7, "a packet or a list is returned more often than it was kept, or by who does not have it",
        ("tests/ndis/test_receive.py::test_a_wrong_return_is_refused_whole",
         "tests/ndis/test_receive.py::test_returning_what_is_not_promised_is_reported",
         "tests/ndis/test_receive.py::test_a_nonsensical_count_is_the_protocols_fault",
         "tests/ndis/v6/test_receive.py::test_a_wrong_return_is_refused",
         "tests/ndis/co/v6/test_receives.py::test_a_list_is_returned_once_by_who_has_it"),
    ),
    Mistake(
        7, "a packet with RESOURCES is kept",
        ("tests/ndis/test_receive.py::test_packets_marked_resources_are_kept_by_nobody",),
    ),
    Mistake(
        7, "what is lent already, or has no status, is indicated",
        ("tests/ndis/test_receive.py::test_only_a_miniports_own_packets_can_be_indicated",
         "tests/ndis/test_receive.py::test_a_status_must_be_set_before",
         "tests/ndis/v6/test_receive.py::test_a_list_is_not_indicated_while_it_is_lent"),
    ),
    Mistake(
        8, "a list with RESOURCES is changed",
        ("tests/ndis/v6/test_receive.py::test_what_is_only_shown_comes_back_unchanged",),
    ),
    Mistake(
        8, "a list with RESOURCES is returned",
        ("tests/ndis/v6/test_receive.py::test_a_wrong_return_is_refused",
         "tests/ndis/co/v6/test_receives.py::test_a_list_is_returned_once_by_who_has_it"),
    ),
    Mistake(
        9, "NDIS is called in a state in which it must not be",
        ("tests/ndis/test_states.py::test_every_pair_is_in_the_table_or_refused",
         "tests/ndis/v6/test_states.py::test_every_pair_is_in_the_table_or_refused",
         "tests/ndis/test_adapter.py::test_calls_outside_an_adapters_life_are_refused",
         "tests/ndis/v6/test_adapter.py::test_initialize_has_an_order",
         "tests/ndis/v6/test_receive.py::test_nothing_is_indicated_while_the_adapter_is_paused",
         "tests/ndis/test_indication.py::test_halt_indicates_nothing"),
    ),
    Mistake(
        9, "a pause completes while a send or a received list is out",
        ("tests/ndis/v6/test_adapter.py::test_a_pause_that_completes_over_a_send_is_reported",
         "tests/ndis/v6/test_adapter.py::test_a_miniport_that_forgets_a_list_cannot_say_that_it_is_paused",
         "tests/ndis/v6/test_adapter.py::test_a_protocol_that_completes_its_pause_too_early_is_waited_for"),
    ),
    Mistake(
        9, "a halt leaves something behind: a coroutine, an IRP, a work item",
        ("tests/ndis/test_adapter.py::test_a_coroutine_alive_after_halt_is_reported_and_closed",
         "tests/ndis/test_adapter.py::test_what_halt_leaves_is_reported_by_name_and_reclaimed",
         "tests/ndis/test_lower_edge.py::test_an_irp_that_outlives_its_driver_is_a_violation"),
    ),
    Mistake(
        10, "an ISR asks for its DPC for an interrupt that is not its own",
        ("tests/ndis/test_resources.py::test_an_interrupt_takes_its_way",),
    ),
    Mistake(
        10, "a line is never let go, or claimed by who does not pull it",
        ("tests/kernel/test_interrupt_storm.py::test_line_nobody_claims_is_a_storm",
         "tests/kernel/test_interrupt_storm.py::test_line_that_is_claimed_for_ever_is_a_storm",
         "tests/hw/test_shared_line.py::test_who_takes_all_ones_for_causes_locks_the_other_out"),
    ),
    Mistake(
        10, "a DPC does not leave its CPU, or goes to one that is not there",
        ("tests/scenario/test_bad_drivers.py::test_a_driver_that_does_not_start_ends_the_run",
         "tests/kernel/test_cputime.py::test_dpc_that_stalls_too_long_is_stopped",
         "tests/ndis/v6/test_interrupt.py::test_a_cpu_that_the_host_has_not_is_refused"),
    ),
    Mistake(
        10, "an interrupt stays connected over the halt, or is registered twice",
        ("tests/ndis/test_adapter.py::test_what_halt_leaves_is_reported_by_name_and_reclaimed",
         "tests/ndis/v6/test_adapter.py::test_leaks_are_named_at_the_halt",
         "tests/ndis/test_resources.py::test_the_interrupt_is_registered_once"),
    ),
    Mistake(
        11, "a request that is pending is made again, or answered with what is no status",
        ("tests/ndis/test_requests.py::test_a_pending_request_is_not_made_again",
         "tests/ndis/test_requests.py::test_what_is_no_final_status_fails_the_request"),
    ),
    Mistake(
        11, "work is asked for while the adapter resets",
        ("tests/ndis/test_reset.py::test_new_work_is_refused_while_a_reset_is_in_progress",
         "tests/ndis/v6/test_reset.py::test_new_work_is_refused_while_a_reset_is_in_progress"),
    ),
    Mistake(
        11, "a driver that must complete its sends before its reset keeps them",
        ("tests/ndis/test_reset.py::test_a_deserialized_miniport_completes_its_sends_first",
         "tests/ndis/v6/test_reset.py::test_what_a_miniport_keeps_is_reported",
         "tests/ndis/co/test_control.py::test_a_miniport_that_forgets_its_packets_in_a_reset_is_told"),
    ),
    Mistake(
        12, "a timer is set when the halt returns",
        ("tests/ndis/test_adapter.py::test_what_halt_leaves_is_reported_by_name_and_reclaimed",
         "tests/ndis/v6/test_adapter.py::test_leaks_are_named_at_the_halt"),
    ),
    Mistake(
        12, "a timer is set after the halt",
        ("tests/ndis/test_adapter.py::test_a_timer_that_is_set_after_halt_is_reported_and_does_nothing",),
    ),
    Mistake(
        13, "memory or a pool is freed twice, by another, or not as it was allocated",
        ("tests/ndis/test_resources.py::test_what_was_freed_cannot_be_freed_again",
         "tests/memory/test_host.py::test_only_exactly_what_was_allocated_can_be_freed",
         "tests/memory/test_pool.py::test_freeing_twice_is_refused"),
    ),
    Mistake(
        13, "memory, a pool or a mapping is left behind",
        ("tests/ndis/test_adapter.py::test_what_halt_leaves_is_reported_by_name_and_reclaimed",
         "tests/ndis/v6/test_adapter.py::test_leaks_are_named_at_the_halt",
         "tests/ndis/v6/test_send.py::test_a_mapping_that_is_left_is_found_and_freed"),
    ),
    Mistake(
        13, "memory is allocated where it cannot be",
        ("tests/ndis/test_resources.py::test_shared_memory_is_allocated_in_initialize_only",
         "tests/ndis/v6/test_dma.py::test_shared_memory_is_allocated_at_once_in_initialize_only"),
    ),
    Mistake(
        13, "the card is sent to memory that is not mapped for it",
        ("tests/hw/test_master_abort.py::test_a_bad_buffer_address_stops_sending",
         "tests/hw/test_master_abort.py::test_a_bad_buffer_address_stops_receiving",
         "tests/hw/test_master_abort.py::test_a_receive_ring_whose_memory_was_taken_away_stops_the_card"),
    ),
    Mistake(
        14, "a removed card's driver keeps its sends, or raises when it is told",
        ("tests/ndis/test_control.py::test_what_a_removed_miniport_keeps_is_taken_from_it",
         "tests/ndis/v6/test_control.py::test_what_a_removed_miniport_keeps_is_taken_from_it",
         "tests/ndis/v6/test_control.py::test_a_notification_that_raises_stops_the_adapter",
         "tests/ndis/test_control.py::test_a_notification_that_raises_stops_the_adapter"),
    ),
    Mistake(
        14, "work is given to a card that is gone",
        ("tests/ndis/test_control.py::test_ndis_answers_for_a_card_that_is_gone",
         "tests/ndis/v6/test_control.py::test_ndis_answers_for_a_card_that_is_gone",
         "tests/drivers/test_ring_control.py::test_a_card_that_is_gone_reads_as_ones"),
    ),
    Mistake(
        15, "a circuit carries data before it is active, or after",
        ("tests/ndis/co/test_data.py::test_what_cannot_be_carried_is_completed_by_ndis",
         "tests/ndis/co/v6/test_sends.py::test_what_cannot_be_carried_is_completed_by_ndis",
         "tests/ndis/co/test_violations.py::test_nothing_is_indicated_after_a_deactivation"),
    ),
    Mistake(
        15, "an active circuit is deleted",
        ("tests/ndis/co/test_violations.py::test_a_circuit_is_deleted_inactive_and_without_a_call",),
    ),
    Mistake(
        15, "any other event comes in a state that does not accept it",
        ("tests/ndis/co/test_states.py::test_every_pair_moves_as_the_reference_says_or_is_refused",
         "tests/ndis/co/test_violations.py::test_a_call_out_of_order_is_refused_and_changes_nothing"),
    ),
)  # fmt: skip
