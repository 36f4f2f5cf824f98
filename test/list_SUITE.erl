%% Every row of the message table of the cache and the lists, by plain gen_server calls from a BEAM.
-module(list_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(ENTRY(Date, Title), #{date => Date, title => Title}).
-define(D1, #{'__struct__' => 'Elixir.Date', calendar => 'Elixir.Calendar.ISO', year => 2023, month => 12, day => 19}).
-define(D2, {2023, 12, 20}).

all() ->
    [server_process_same_name_same_pid, server_process_bad_names_badarg, whereis_names_count_agree,
     names_of_three_types_are_three_lists, add_entry_call_gives_ids, add_entry_cast_is_seen_by_next_call,
     add_entry_supplied_id_overwritten, add_entry_bad_entries_refused, add_entries_all_or_none,
     entries_by_date_ascending, entries_date_is_compared_exactly, entry_and_size, update_entry_call_and_cast,
     replace_entry_compares_and_swaps, delete_entry_call_and_cast, ids_are_never_used_again, sync_answers_ok,
     unknown_requests_hurt_nobody, strange_messages_hurt_nobody, casts_in_order, casts_twenty_thousand,
     many_callers_at_once, calls_by_alias_and_without, every_key_of_an_entry_is_kept, pure_functions,
     children_of_the_tree].

init_per_suite(Config) ->
    [{server, node_case:start()} | Config].

end_per_suite(Config) ->
    0 = node_case:stop(?config(server, Config)),
    node_case:clean().

init_per_testcase(Case, Config) ->
    [{name, list_to_binary(node_case:unique(atom_to_list(Case)))} | Config].

end_per_testcase(_Case, _Config) ->
    ok.

list(Config) ->
    node_case:list(?config(server, Config), ?config(name, Config)).

cache(Config) ->
    node_case:cache(?config(server, Config)).

%% The same pid for the same name while it lives, another for another name.
server_process_same_name_same_pid(Config) ->
    Server = ?config(server, Config),
    Bob = node_case:list(Server, <<"bob">>),
    ?assertEqual(Bob, node_case:list(Server, <<"bob">>)),
    ?assertNotEqual(Bob, node_case:list(Server, <<"alice">>)),
    ?assertEqual(maps:get(node, Server), node(Bob)).

server_process_bad_names_badarg(Config) ->
    [?assertEqual({error, badarg}, gen_server:call(cache(Config), {server_process, Name}))
     || Name <- [{a, b}, #{}, 1.5, self(), make_ref(), [a], [256], <<1:3>>, [-1], fun() -> ok end]],
    ok.

whereis_names_count_agree(Config) ->
    Cache = cache(Config),
    Name = ?config(name, Config),
    ?assertEqual(nil, gen_server:call(Cache, {whereis, Name})),
    Before = gen_server:call(Cache, count),
    Pid = list(Config),
    ?assertEqual(Pid, gen_server:call(Cache, {whereis, Name})),
    ?assertEqual(Before + 1, gen_server:call(Cache, count)),
    Names = gen_server:call(Cache, names),
    ?assertEqual(Before + 1, length(Names)),
    ?assert(lists:member(Name, Names)).

%% <<"x">>, x and "x" are three lists.
names_of_three_types_are_three_lists(Config) ->
    Server = ?config(server, Config),
    Binary = ?config(name, Config),
    Names = [Binary, binary_to_atom(Binary), binary_to_list(Binary), 1 bsl 70, -7, 0, "", <<>>, '', [<<"a">> | <<"b">>]],
    Pids = [node_case:list(Server, Name) || Name <- Names],
    ?assertEqual(length(Names), length(lists:usort(Pids))),
    [{ok, 1} = gen_server:call(Pid, {add_entry, ?ENTRY(?D2, Name)}) || {Pid, Name} <- lists:zip(Pids, Names)],
    [?assertMatch([#{title := Name}], gen_server:call(Pid, entries)) || {Pid, Name} <- lists:zip(Pids, Names)],
    ok.

add_entry_call_gives_ids(Config) ->
    Pid = list(Config),
    ?assertEqual([{ok, N} || N <- lists:seq(1, 5)],
                 [gen_server:call(Pid, {add_entry, ?ENTRY(?D1, N)}) || N <- lists:seq(1, 5)]).

add_entry_cast_is_seen_by_next_call(Config) ->
    Pid = list(Config),
    ok = gen_server:cast(Pid, {add_entry, ?ENTRY(?D1, <<"Dentist">>)}),
    ?assertEqual([#{date => ?D1, title => <<"Dentist">>, id => 1}], gen_server:call(Pid, {entries, ?D1})).

add_entry_supplied_id_overwritten(Config) ->
    Pid = list(Config),
    {ok, 1} = gen_server:call(Pid, {add_entry, (?ENTRY(?D1, a))#{id => 77}}),
    ?assertMatch(#{id := 1}, gen_server:call(Pid, {entry, 1})).

add_entry_bad_entries_refused(Config) ->
    Pid = list(Config),
    ?assertEqual({error, {badarg, no_date}}, gen_server:call(Pid, {add_entry, #{title => a}})),
    ?assertEqual({error, {badarg, no_date}}, gen_server:call(Pid, {add_entry, #{<<"date">> => ?D1}})),
    [?assertEqual({error, badarg}, gen_server:call(Pid, {add_entry, Bad})) || Bad <- [x, [], {date, ?D1}, 1, <<>>]],
    ok = gen_server:cast(Pid, {add_entry, #{title => a}}),
    ?assertEqual(0, gen_server:call(Pid, size)),
    ?assertEqual({ok, 1}, gen_server:call(Pid, {add_entry, ?ENTRY(?D1, a)})).

add_entries_all_or_none(Config) ->
    Pid = list(Config),
    ?assertEqual({ok, [1, 2, 3]}, gen_server:call(Pid, {add_entries, [?ENTRY(?D1, N) || N <- [a, b, c]]})),
    ?assertEqual({error, {badarg, no_date}}, gen_server:call(Pid, {add_entries, [?ENTRY(?D1, d), #{}]})),
    ?assertEqual({error, badarg}, gen_server:call(Pid, {add_entries, not_a_list})),
    ?assertEqual({error, badarg}, gen_server:call(Pid, {add_entries, [?ENTRY(?D1, d) | tail]})),
    ?assertEqual({ok, []}, gen_server:call(Pid, {add_entries, []})),
    ?assertEqual(3, gen_server:call(Pid, size)),
    ?assertEqual({ok, [4]}, gen_server:call(Pid, {add_entries, [?ENTRY(?D1, d)]})).

entries_by_date_ascending(Config) ->
    Pid = list(Config),
    Dates = [case N rem 3 of 0 -> ?D1; 1 -> ?D2; 2 -> N end || N <- lists:seq(1, 100)],
    {ok, Ids} = gen_server:call(Pid, {add_entries, [?ENTRY(D, x) || D <- Dates]}),
    All = [(?ENTRY(D, x))#{id => Id} || {D, Id} <- lists:zip(Dates, Ids)],
    ?assertEqual(All, gen_server:call(Pid, entries)),
    [?assertEqual([E || #{date := D} = E <- All, D =:= Date], gen_server:call(Pid, {entries, Date}))
     || Date <- [?D1, ?D2, 2, 3, none]],
    ok.

entries_date_is_compared_exactly(Config) ->
    Pid = list(Config),
    Dates = [1, 1.0, <<"1">>, "1", '1', {1}, [1], ?D1, maps:to_list(?D1)],
    [{ok, _} = gen_server:call(Pid, {add_entry, ?ENTRY(D, x)}) || D <- Dates],
    [?assertEqual([D], [maps:get(date, E) || E <- gen_server:call(Pid, {entries, D})]) || D <- Dates],
    ok.

entry_and_size(Config) ->
    Pid = list(Config),
    ?assertEqual(0, gen_server:call(Pid, size)),
    {ok, 1} = gen_server:call(Pid, {add_entry, ?ENTRY(?D1, a)}),
    ?assertEqual((?ENTRY(?D1, a))#{id => 1}, gen_server:call(Pid, {entry, 1})),
    [?assertEqual(nil, gen_server:call(Pid, {entry, Id})) || Id <- [0, 2, -1, 1.0, a, 1 bsl 64, {1}]],
    ?assertEqual(1, gen_server:call(Pid, size)).

update_entry_call_and_cast(Config) ->
    Pid = list(Config),
    {ok, 1} = gen_server:call(Pid, {add_entry, ?ENTRY(?D1, a)}),
    ?assertEqual(ok, gen_server:call(Pid, {update_entry, 1, (?ENTRY(?D2, b))#{id => 9}})),
    ?assertEqual((?ENTRY(?D2, b))#{id => 1}, gen_server:call(Pid, {entry, 1})),
    ?assertEqual([], gen_server:call(Pid, {entries, ?D1})),
    ok = gen_server:cast(Pid, {update_entry, 1, ?ENTRY(?D1, c)}),
    ?assertEqual([(?ENTRY(?D1, c))#{id => 1}], gen_server:call(Pid, {entries, ?D1})),
    [?assertEqual({error, not_found}, gen_server:call(Pid, {update_entry, Id, ?ENTRY(?D1, a)})) || Id <- [2, 0, x]],
    ?assertEqual({error, {badarg, no_date}}, gen_server:call(Pid, {update_entry, 1, #{}})).

replace_entry_compares_and_swaps(Config) ->
    Pid = list(Config),
    {ok, 1} = gen_server:call(Pid, {add_entry, ?ENTRY(?D1, a)}),
    Old = gen_server:call(Pid, {entry, 1}),
    New = Old#{title => b},
    ?assertEqual(ok, gen_server:call(Pid, {replace_entry, 1, Old, New})),
    ?assertEqual({error, conflict}, gen_server:call(Pid, {replace_entry, 1, Old, New})),
    ?assertEqual({error, not_found}, gen_server:call(Pid, {replace_entry, 2, Old, New})),
    ?assertEqual({error, {badarg, no_date}}, gen_server:call(Pid, {replace_entry, 1, New, #{}})),
    ?assertEqual(New, gen_server:call(Pid, {entry, 1})).

delete_entry_call_and_cast(Config) ->
    Pid = list(Config),
    {ok, [1, 2, 3]} = gen_server:call(Pid, {add_entries, [?ENTRY(?D1, N) || N <- [a, b, c]]}),
    ?assertEqual(ok, gen_server:call(Pid, {delete_entry, 2})),
    ?assertEqual(ok, gen_server:call(Pid, {delete_entry, 2})),
    ?assertEqual(ok, gen_server:call(Pid, {delete_entry, nothing})),
    ok = gen_server:cast(Pid, {delete_entry, 1}),
    ?assertEqual([(?ENTRY(?D1, c))#{id => 3}], gen_server:call(Pid, entries)).

ids_are_never_used_again(Config) ->
    Pid = list(Config),
    {ok, [1, 2]} = gen_server:call(Pid, {add_entries, [?ENTRY(?D1, N) || N <- [a, b]]}),
    ok = gen_server:call(Pid, {delete_entry, 2}),
    ?assertEqual({ok, 3}, gen_server:call(Pid, {add_entry, ?ENTRY(?D1, c)})).

sync_answers_ok(Config) ->
    Pid = list(Config),
    ?assertEqual(ok, gen_server:call(Pid, sync)),
    ok = gen_server:cast(Pid, {add_entry, ?ENTRY(?D1, a)}),
    ?assertEqual(ok, gen_server:call(Pid, sync)),
    #{folder := Folder} = ?config(server, Config),
    File = filename:join(Folder, ?config(name, Config)),
    node_case:await(fun() -> filelib:is_regular(File) end),
    {ok, Bytes} = file:read_file(File),
    ?assertMatch(#{'__struct__' := 'Elixir.Todo.List', next_id := 2, entries := #{1 := #{title := a}}},
                 binary_to_term(Bytes)).

unknown_requests_hurt_nobody(Config) ->
    #{node := Node} = ?config(server, Config),
    Pid = list(Config),
    Targets = [Pid, cache(Config), {'Elixir.Todo.Database', Node}, {'Elixir.Todo.System', Node},
               {'Elixir.Todo.List', Node}],
    Requests = [nonsense, {add_entry}, {add_entry, 1, 2, 3}, {}, [], 1, <<"x">>, #{}, {entries}, {update_entry, 1}],
    [?assertEqual({error, {bad_request, Request}}, gen_server:call(Target, Request))
     || Target <- Targets, Request <- Requests],
    [ok = gen_server:cast(Target, Request) || Target <- Targets, Request <- Requests],
    ?assertEqual(Pid, list(Config)),
    ?assertEqual(0, gen_server:call(Pid, size)).

strange_messages_hurt_nobody(Config) ->
    Pid = list(Config),
    Cache = cache(Config),
    Messages = [hello, {'$gen_call', x, y}, {'$gen_call', {x, y}, size}, {'$gen_cast'}, {system, x, get_state},
                {system, {self(), make_ref()}, nonsense}, {'EXIT', self(), boom}, {'DOWN', make_ref(), process, self(), x},
                {'$gen_call', {self(), [alias | x]}, size}, {'$gen_call', {self(), [[alias | x] | y]}, size}],
    [begin Pid ! Message, Cache ! Message end || Message <- Messages],
    ?assertEqual(0, gen_server:call(Pid, size)),
    ?assertEqual(Pid, list(Config)).

casts_in_order(Config) ->
    Pid = list(Config),
    [ok = gen_server:cast(Pid, {add_entry, ?ENTRY(?D1, N)}) || N <- lists:seq(1, 1000)],
    ?assertEqual(lists:seq(1, 1000), [T || #{title := T} <- gen_server:call(Pid, entries)]).

casts_twenty_thousand(Config) ->
    Pid = list(Config),
    [ok = gen_server:cast(Pid, {add_entry, ?ENTRY(?D1, N)}) || N <- lists:seq(1, 20000)],
    ?assertEqual(20000, gen_server:call(Pid, size, 60000)),
    ?assertEqual(ok, gen_server:call(Pid, sync, 60000)).

many_callers_at_once(Config) ->
    Pid = list(Config),
    Self = self(),
    Callers = [spawn_link(fun() ->
                                  Ids = [element(2, gen_server:call(Pid, {add_entry, ?ENTRY(?D1, C)}, 60000))
                                         || _ <- lists:seq(1, 20)],
                                  Self ! {self(), Ids}
                          end) || C <- lists:seq(1, 50)],
    Ids = lists:append([receive {Caller, I} -> I after 60000 -> error(deadline) end || Caller <- Callers]),
    ?assertEqual(lists:seq(1, 1000), lists:sort(Ids)).

%% send_request (an alias in the tag), and the old form of a call whose tag is a bare reference or a tuple.
calls_by_alias_and_without(Config) ->
    Pid = list(Config),
    {reply, 0} = gen_server:wait_response(gen_server:send_request(Pid, size), 5000),
    [begin
         Pid ! {'$gen_call', {self(), Tag}, size},
         receive {Tag, 0} -> ok after 5000 -> error(deadline) end
     end || Tag <- [make_ref(), {make_ref(), node()}, 17, [a, b], <<"tag">>]],
    #{node := Node} = ?config(server, Config),
    {[{Node, Count}], []} = gen_server:multi_call([Node], 'Elixir.Todo.Cache', count),
    ?assert(is_integer(Count)).

every_key_of_an_entry_is_kept(Config) ->
    Pid = list(Config),
    Entry = #{date => ?D1, <<"binary">> => 1.5, "string" => [a, b | c], 1 => #{2 => #{}}, {t} => -(1 bsl 80),
              2.0 => <<1:3>>, 2 => self(), pid => make_ref(), 'ÅÄÖ☃' => [1, 2, 3], [] => fun lists:map/2},
    {ok, 1} = gen_server:call(Pid, {add_entry, Entry}),
    ?assertEqual(Entry#{id => 1}, gen_server:call(Pid, {entry, 1})).

pure_functions(Config) ->
    #{node := Node} = ?config(server, Config),
    List = {'Elixir.Todo.List', Node},
    Empty = gen_server:call(List, {new, []}),
    ?assertEqual(#{'__struct__' => 'Elixir.Todo.List', next_id => 1, entries => #{}}, Empty),
    Two = gen_server:call(List, {new, [?ENTRY(?D1, a), ?ENTRY(?D2, b)]}),
    ?assertEqual(2, gen_server:call(List, {size, Two})),
    Three = gen_server:call(List, {add_entry, Two, ?ENTRY(?D1, c)}),
    ?assertEqual([a, c], [T || #{title := T} <- gen_server:call(List, {entries, Three, ?D1})]),
    Put = gen_server:call(List, {put_entry, Three, 2, ?ENTRY(?D1, d)}),
    ?assertEqual([a, d, c], [T || #{title := T} <- gen_server:call(List, {entries, Put, ?D1})]),
    ?assertEqual(Three, gen_server:call(List, {put_entry, Three, 7, ?ENTRY(?D1, d)})),
    One = gen_server:call(List, {delete_entry, Two, 1}),
    ?assertEqual(#{'__struct__' => 'Elixir.Todo.List', next_id => 3,
                   entries => #{2 => (?ENTRY(?D2, b))#{id => 2}}}, One),
    ?assertEqual({error, {badarg, not_a_list}}, gen_server:call(List, {size, #{}})).

children_of_the_tree(Config) ->
    #{node := Node} = ?config(server, Config),
    System = supervisor:which_children({'Elixir.Todo.System', Node}),
    ?assertEqual(['Elixir.Todo.Cache', 'Elixir.Todo.Database', 'Elixir.Todo.List'], [Id || {Id, _, _, _} <- System]),
    ?assert(lists:all(fun({_, Pid, _, _}) -> is_pid(Pid) end, System)),
    ?assertEqual([{specs, 3}, {active, 3}, {supervisors, 2}, {workers, 1}],
                 supervisor:count_children({'Elixir.Todo.System', Node})),
    ?assertEqual(3, length(supervisor:which_children({'Elixir.Todo.Database', Node}))),
    Pid = list(Config),
    ?assert(lists:keymember(Pid, 2, supervisor:which_children(cache(Config)))).
