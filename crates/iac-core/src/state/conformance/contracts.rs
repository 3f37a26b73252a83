//! The checks by name, each with the part of [`Backend`](crate::state::Backend)'s documentation that it looks at.

use super::{Check, lists, races, stacks, values};

macro_rules! checks {
    ($($rule:literal: { $($module:ident::$name:ident),* $(,)? })*) => {
        &[$($(
            Check {
                name: stringify!($name),
                rule: $rule,
                run: |ground| Box::pin($module::$name(ground)),
            },
        )*)*]
    };
}

pub(super) const CHECKS: &[Check] = checks! {
    "Order: a read sees every write that has returned": {
        values::nothing_is_read_as_nothing,
        values::what_was_created_is_read,
    }
    "Values: any bytes, of any length up to what the backend documents": {
        values::values_hold_any_bytes,
        values::values_may_be_large,
    }
    "create: stores under a key that holds nothing, and else leaves it as it is": {
        values::create_leaves_what_is_there,
        values::a_deleted_key_is_free_again,
        races::of_many_creates_one_wins,
    }
    "put_if_match: replaces what the etag says, and else leaves it as it is": {
        values::put_replaces_what_is_expected,
        values::put_with_a_stale_etag_is_refused,
        values::put_with_a_strange_etag_is_refused,
        values::put_on_nothing_is_refused,
        races::of_many_puts_one_wins,
        races::a_counter_loses_no_step,
    }
    "Etags: another content has another etag, and an untouched key keeps its etag": {
        values::etags_tell_contents_apart,
        values::etags_stay_while_contents_stay,
    }
    "delete: removes a key; that it is not there is no error": {
        values::delete_removes_and_may_be_repeated,
        lists::deleted_keys_are_not_listed,
    }
    "Order: all operations on a key look as if they happened one after the other": {
        races::a_put_does_not_bring_back_what_is_deleted,
    }
    "Keys: parts of [A-Za-z0-9._-], compared byte by byte": {
        values::keys_are_compared_byte_by_byte,
        lists::siblings_are_not_mixed_up,
    }
    "list: all keys that begin with the prefix, in ascending order": {
        lists::a_list_of_nothing_is_empty,
        lists::a_list_has_its_prefix_and_order,
        lists::a_list_is_complete,
    }
    "Order: a list sees every write that has returned": {
        lists::a_list_sees_what_others_wrote,
    }
    "All or nothing: nobody ever reads a part of a value": {
        lists::a_list_during_writes_is_whole,
        races::a_read_during_writes_is_whole,
    }
    "all of it: state lives on the storage": {
        stacks::a_stack_lives_and_is_read_by_others,
        stacks::stacks_live_side_by_side,
        stacks::one_of_many_runs_gets_the_lease,
        stacks::a_dead_holder_is_taken_over,
        stacks::a_writer_that_lost_its_lease_is_fenced,
    }
};
