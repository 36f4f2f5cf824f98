%% What a key's value has to be after a crash, given what was asked and what was acknowledged. Pure: knows no node.
%%
%% One writer at a time works on a key, so its changes have an order. After a crash the value is the one after the last
%% acknowledged change, or that and some of the changes in flight: the first of them, none left out, each as a whole.
-module(torture_model).

-export([new/1, asked/2, acknowledged/2, value/1, index/1, counts/1, verdict/2, entries/1]).

-type id() :: pos_integer().
-type entry() :: #{date := term(), id => id(), term() => term()}.
%% What `{get, Key}' answers: nil for a key that is not there; of a list its persisted form.
-type value() :: nil | term().
-type change() :: {add_entry, entry()} | {add_entries, [entry()]} | {update_entry, id(), entry()}
                | {replace_entry, id(), entry(), entry()} | {delete_entry, id()}
                | {store, term()} | delete | sync | entries.
-type index() :: non_neg_integer().
%% asked: newest first, each with the value after it; base is the value before all of them.
-opaque history() :: #{base := value(), asked := [{index(), change(), value()}], acknowledged := index()}.
%% Ids, or the whole value where that is no list. missing: acknowledged, not there. stale: there, but otherwise than
%% acknowledged. resurrected: there, though its deletion was acknowledged. half_done: some of what one request added.
%% id_reused: the next id is one that was given away. invented: never asked for. out_of_order: a change in flight
%% without those before it.
-type problem() :: {missing | stale | resurrected | half_done | invented, [id()] | value}
                 | {id_reused, term()} | out_of_order.
-type evidence() :: #{problems := [problem()], expected := value(), found := value(), in_flight := [change()]}.
-export_type([history/0, value/0, change/0, index/0, problem/0, evidence/0]).

-spec new(value()) -> history().
new(Value) ->
    #{base => Value, asked => [], acknowledged => 0}.

%% The answer to expect, and the index of the last change that this answer acknowledges.
-spec asked(change(), history()) -> {Answer :: term(), index(), history()}.
asked(Change, #{asked := Asked} = History) ->
    Value = value(History),
    Index = index(History),
    case change(Change, Value) of
        {Answer, Value} when Answer =:= ok -> % sync, or gone already: nothing is left to be written
            {Answer, Index, History};
        {Answer, Value} ->
            {Answer, 0, History};
        {Answer, New} ->
            {Answer, Index + 1, History#{asked := [{Index + 1, Change, New} | Asked]}}
    end.

-spec acknowledged(index(), history()) -> history().
acknowledged(Index, #{acknowledged := Old} = History) ->
    History#{acknowledged := max(Index, Old)}.

%% After everything that was asked.
-spec value(history()) -> value().
value(#{asked := [{_, _, Value} | _]}) -> Value;
value(#{asked := [], base := Value}) -> Value.

-spec index(history()) -> index().
index(#{asked := [{Index, _, _} | _]}) -> Index;
index(#{asked := []}) -> 0.

-spec counts(history()) -> {Acknowledged :: non_neg_integer(), InFlight :: non_neg_integer()}.
counts(#{acknowledged := Acknowledged} = History) ->
    {Acknowledged, index(History) - Acknowledged}.

%% The entries of a value in the order in which a list tells them.
-spec entries(value()) -> [entry()].
entries(nil) -> [];
entries(#{entries := Entries}) -> [Entry || {_, Entry} <- lists:sort(maps:to_list(Entries))].

%% ---- changes ----

change({add_entry, Entry}, Value) ->
    {[Id], New} = add([Entry], Value),
    {{ok, Id}, New};
change({add_entries, Entries}, Value) ->
    {Ids, New} = add(Entries, Value),
    {{ok, Ids}, New};
change({update_entry, Id, Entry}, Value) ->
    case entry(Id, Value) of
        nil -> {{error, not_found}, Value};
        _ -> {ok, put_entry(Id, Entry, Value)}
    end;
change({replace_entry, Id, Old, Entry}, Value) ->
    case entry(Id, Value) of
        nil -> {{error, not_found}, Value};
        Old -> {ok, put_entry(Id, Entry, Value)};
        _ -> {{error, conflict}, Value}
    end;
change({delete_entry, Id}, #{entries := Entries} = Value) ->
    {ok, Value#{entries := maps:remove(Id, Entries)}};
change({delete_entry, _}, nil) ->
    {ok, nil};
change({store, Term}, _) ->
    {ok, Term};
change(delete, _) ->
    {ok, nil};
change(sync, Value) ->
    {ok, Value};
change(entries, Value) ->
    {entries(Value), Value}.

add(Entries, nil) ->
    add(Entries, #{'__struct__' => 'Elixir.Todo.List', next_id => 1, entries => #{}});
add(Entries, #{next_id := First} = Value) ->
    Ids = lists:seq(First, First + length(Entries) - 1),
    New = lists:foldl(fun({Id, Entry}, Map) -> put_entry(Id, Entry, Map) end, Value, lists:zip(Ids, Entries)),
    {Ids, New#{next_id := First + length(Entries)}}.

put_entry(Id, Entry, #{entries := Entries} = Value) ->
    Value#{entries := Entries#{Id => Entry#{id => Id}}}.

entry(Id, #{entries := #{} = Entries}) -> maps:get(Id, Entries, nil);
entry(_, nil) -> nil.

%% ---- the verdict ----

%% Found may be there: the base of what comes next. Or why it may not.
-spec verdict(value(), history()) -> {ok, history()} | {wrong, evidence()}.
verdict(Found, History) ->
    Possible = possible(History),
    case lists:member(Found, Possible) of
        true ->
            {ok, new(Found)};
        false ->
            #{asked := Asked, acknowledged := Acknowledged} = History,
            {wrong, #{problems => problems(Found, Possible, History), expected => hd(Possible), found => Found,
                      in_flight => lists:reverse([Change || {Index, Change, _} <- Asked, Index > Acknowledged])}}
    end.

%% The values after the last acknowledged change and after each one in flight.
possible(#{acknowledged := Acknowledged} = History) ->
    lists:nthtail(Acknowledged, values(History)).

values(#{base := Base, asked := Asked}) ->
    [Base | lists:reverse([Value || {_, _, Value} <- Asked])].

problems(Found, Possible, History) ->
    Earlier = lists:sublist(values(History), index(History) + 1 - length(Possible)),
    Problems = case lists:all(fun is_list_value/1, [Found | Possible]) of
                   true -> list_problems(Found, Possible, Earlier, History);
                   false -> value_problems(Found, Possible, Earlier)
               end,
    case Problems of
        [] -> [out_of_order];
        _ -> Problems
    end.

is_list_value(nil) -> true;
is_list_value(#{next_id := NextId, entries := Entries}) -> is_integer(NextId) andalso is_map(Entries);
is_list_value(_) -> false.

value_problems(Found, _, _) when Found =:= nil; element(1, Found) =:= error ->
    [{missing, value}];
value_problems(Found, [Acknowledged | _], Earlier) ->
    [{other_than(Acknowledged, lists:member(Found, Earlier)), value}].

list_problems(Found, Possible, Earlier, #{asked := Asked, acknowledged := Acknowledged}) ->
    Ids = lists:usort(lists:append([ids(Value) || Value <- [Found | Possible]])),
    Flying = [{Before, After} || {{_, {add_entries, _}, After}, {_, Before}}
                                     <- neighbours(Asked, hd(Possible), Acknowledged)],
    Half = lists:append([half_done(ids(After) -- ids(Before), ids(Found)) || {Before, After} <- Flying]),
    Entries = [{Kind, Id} || Id <- Ids, Kind <- entry_problem(Id, Found, Possible, Earlier)],
    [{Kind, Wrong} || Kind <- [missing, stale, resurrected, invented],
                      Wrong <- [[Id || {K, Id} <- Entries, K =:= Kind]], Wrong =/= []]
        ++ [{half_done, Half} || Half =/= []]
        ++ [{id_reused, #{next_id => next_id(Found), given_away_to => next_id(hd(Possible))}}
            || next_id(Found) < next_id(hd(Possible))].

%% The changes in flight, newest first, each with the value before it. Value: after the last acknowledged one.
neighbours(Asked, Value, Acknowledged) ->
    Flying = [Each || {Index, _, _} = Each <- Asked, Index > Acknowledged],
    Before = [{Index, After} || {Index, _, After} <- Flying] ++ [{Acknowledged, Value}],
    lists:zip(Flying, tl(Before)).

half_done(Added, Found) ->
    case [Id || Id <- Added, lists:member(Id, Found)] of
        Added -> [];
        There -> There
    end.

entry_problem(Id, Found, Possible, Earlier) ->
    Entry = entry(Id, Found),
    case lists:member(Entry, [entry(Id, Value) || Value <- Possible]) of
        true -> [];
        false when Entry =:= nil -> [missing];
        false -> [other_than(entry(Id, hd(Possible)), Id < next_id(hd(Possible))
                                 orelse lists:member(Entry, [entry(Id, Value) || Value <- Earlier]))]
    end.

%% What something is that was not asked for, in place of what was acknowledged.
other_than(nil, true) -> resurrected;
other_than(nil, false) -> invented;
other_than(_, _) -> stale.

ids(nil) -> [];
ids(#{entries := Entries}) -> maps:keys(Entries).

next_id(nil) -> 1;
next_id(#{next_id := NextId}) -> NextId.
