%% The value of a list, and its pure functions.
-module(reference_list).

-export([new/0, add_entry/2, entries/2]).

-type entry() :: #{date := term(), term() => term()}.
-opaque value() :: #{'__struct__' := atom(), next_id := pos_integer(), entries := #{pos_integer() => entry()}}.
-export_type([value/0, entry/0]).

-spec new() -> value().
new() ->
    #{'__struct__' => 'Elixir.Todo.List', next_id => 1, entries => #{}}.

-spec add_entry(value(), entry()) -> value().
add_entry(#{next_id := Id, entries := Entries} = List, Entry) ->
    List#{next_id := Id + 1, entries := Entries#{Id => Entry#{id => Id}}}.

-spec entries(value(), term()) -> [entry()].
entries(#{entries := Entries}, Date) ->
    [Entry || #{date := Of} = Entry <- maps:values(Entries), Of =:= Date].
