%% Ten rounds of `make torture', and that it finds what is wrong: in invented histories, in folders that were damaged.
-module(torture_SUITE).

-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(D, {2023, 12, 19}).
%% Every list has entries then.
-define(LONG_MS, {500, 500}).

all() ->
    [ten_rounds_lose_nothing, damaged_folder_is_found, older_file_is_found, torn_file_is_found, foreign_file_is_found,
     dead_node_is_found,
     interrupted_run_ends, every_prefix_in_flight_is_right, missing_add_is_wrong,
     half_of_add_entries_is_wrong, resurrected_entry_is_wrong, stale_entry_is_wrong, reused_id_is_wrong,
     gap_in_flight_is_wrong, invented_entry_is_wrong, value_of_a_key, answers_acknowledge_what_was_before].

init_per_suite(Config) ->
    Config.

end_per_suite(_Config) ->
    node_case:clean().

%% ---- rounds ----

run(Options) ->
    Seed = node_case:fresh_seed(),
    ct:pal("seed ~b (SEED=~b repeats this run)", [Seed, Seed]),
    {_, Done} = Result = torture_rounds:run(maps:merge(#{folder => node_case:folder(), seed => Seed}, Options)),
    ct:pal("~ts", [torture:totals(Result)]),
    {Result, lists:append([Findings || #{findings := Findings} <- Done])}.

ten_rounds_lose_nothing(_Config) ->
    {{finished, Done}, Findings} = run(#{rounds => 10}),
    ?assertEqual([], Findings),
    ?assertEqual(10, length(Done)),
    ?assert(lists:sum([Acknowledged || #{acknowledged := Acknowledged} <- Done]) > 0).

%% One round that ends by SIGTERM, and then Damage to the file of a list that has entries.
damaged(Damage) ->
    {{finished, [_]}, Findings} =
        run(#{rounds => 1, ending => stop, work_ms => ?LONG_MS,
              damage => fun(Folder) -> Damage(filename:join(Folder, list_file(Folder))) end}),
    Findings.

list_file(Folder) ->
    hd([Name || Name <- filelib:wildcard("list ?", Folder),
                #{entries := Entries} <- [read(filename:join(Folder, Name))], maps:size(Entries) > 0]).

read(File) ->
    {ok, Bytes} = file:read_file(File),
    binary_to_term(Bytes).

edited(Edit) ->
    damaged(fun(File) -> ok = file:write_file(File, term_to_binary(Edit(read(File)))) end).

problems(Findings) ->
    [Kind || {value, _, #{problems := Problems}} <- Findings, {Kind, _} <- Problems].

damaged_folder_is_found(_Config) ->
    Deleted = damaged(fun(File) -> ok = file:delete(File) end),
    ?assertEqual([missing, id_reused], problems(Deleted)),
    Shorter = edited(fun(#{entries := Entries} = List) ->
                             List#{entries := maps:remove(hd(maps:keys(Entries)), Entries)}
                     end),
    ?assertEqual([missing], problems(Shorter)),
    Counted = edited(fun(#{next_id := NextId} = List) -> List#{next_id := NextId - 1} end),
    ?assertEqual([id_reused], problems(Counted)).

%% The files of the first round come back after the second.
older_file_is_found(_Config) ->
    Old = node_case:folder(),
    Restore = fun(Folder) ->
                      case filelib:wildcard("*", Old) of
                          [] -> "" = os:cmd("cp " ++ Folder ++ "/* " ++ Old);
                          _ -> "" = os:cmd("cp " ++ Old ++ "/* " ++ Folder)
                      end
              end,
    {{finished, [_, _]}, Findings} = run(#{rounds => 2, ending => stop, work_ms => ?LONG_MS, damage => Restore}),
    ?assertEqual([], [missing, stale, id_reused] -- problems(Findings)).

torn_file_is_found(_Config) ->
    Findings = damaged(fun(File) ->
                               {ok, Bytes} = file:read_file(File),
                               ok = file:write_file(File, binary:part(Bytes, 0, byte_size(Bytes) - 1))
                       end),
    ?assertMatch([{torn, "list " ++ _}], [Finding || Finding <- Findings, element(1, Finding) =:= torn]),
    ?assertEqual([missing], problems(Findings)).

foreign_file_is_found(_Config) ->
    Findings = damaged(fun(File) -> {ok, _} = file:copy(File, filename:join(filename:dirname(File), "other")) end),
    ?assertEqual([{keys, #{missing => [], unexpected => [<<"other">>]}}], Findings),
    Folder = node_case:folder(),
    ok = file:write_file(filename:join(Folder, ".journal"), <<>>),
    ok = file:write_file(filename:join(Folder, "list 1"), term_to_binary(1)),
    ?assertEqual({#{<<"list 1">> => 1}, [".journal"]}, torture_folder:contents(Folder)).

%% A sanitizer reports SIGSEGV as an error of the program, SIGABRT not.
dead_node_is_found(_Config) ->
    Folder = node_case:folder(),
    Crash = fun(_) -> [_ = os:cmd("kill -ABRT " ++ Pid) || Pid <- beam_case:programs(Folder)] end,
    {{finished, [_, _]}, Findings} = run(#{rounds => 3, folder => Folder, ending => kill, report => Crash}),
    ?assertMatch([{ended, #{by := kill, status := Status}}] when Status =/= 137, Findings).

interrupted_run_ends(_Config) ->
    Self = self(),
    {{interrupted, Done}, []} = run(#{rounds => 1000, report => fun(_) -> Self ! interrupt end}),
    ?assertMatch([_], Done).

%% ---- histories ----

entry(Title) ->
    #{date => ?D, title => Title}.

%% The first Acknowledged of these changes are acknowledged, the others in flight.
history(Changes, Acknowledged) ->
    torture_model:acknowledged(Acknowledged, asked(Changes)).

asked(Changes) ->
    lists:foldl(fun(Change, History) -> element(3, torture_model:asked(Change, History)) end,
                torture_model:new(nil), Changes).

%% The value after these changes.
value(Changes) ->
    torture_model:value(asked(Changes)).

wrong(Found, History) ->
    {wrong, #{problems := Problems}} = torture_model:verdict(Found, History),
    Problems.

random_changes() ->
    [case rand:uniform(7) of
         1 -> {add_entries, [entry({N, 1}), entry({N, 2})]};
         2 -> {delete_entry, rand:uniform(20)};
         3 -> {update_entry, rand:uniform(20), entry(N)};
         4 -> delete;
         5 -> {store, value([{add_entry, entry(N)}])};
         _ -> {add_entry, entry(N)}
     end || N <- lists:seq(1, rand:uniform(40))].

%% Nothing else is: not the values before the last acknowledged change.
every_prefix_in_flight_is_right(_Config) ->
    ok = node_case:seed(),
    [begin
         Changes = random_changes(),
         Count = torture_model:index(asked(Changes)),
         Acknowledged = rand:uniform(Count + 1) - 1,
         History = history(Changes, Acknowledged),
         Values = [value(lists:sublist(Changes, N)) || N <- lists:seq(0, length(Changes))],
         Distinct = lists:foldr(fun(Value, [Value | _] = All) -> All; (Value, All) -> [Value | All] end, [], Values),
         ?assertEqual(Count + 1, length(Distinct)),
         {Before, May} = lists:split(Acknowledged, Distinct),
         [?assertEqual({ok, torture_model:new(Value)}, torture_model:verdict(Value, History)) || Value <- May],
         [?assertMatch([_ | _], wrong(Value, History)) || Value <- Before, not lists:member(Value, May)]
     end || _ <- lists:seq(1, 500)],
    ok.

missing_add_is_wrong(_Config) ->
    Changes = [{add_entry, entry(N)} || N <- lists:seq(1, 3)],
    ?assertEqual([{missing, [3]}, {id_reused, #{next_id => 3, given_away_to => 4}}],
                 wrong(value(lists:sublist(Changes, 2)), history(Changes, 3))),
    ?assertEqual([{missing, [1, 2]}, {id_reused, #{next_id => 1, given_away_to => 3}}],
                 wrong(nil, history(Changes, 2))),
    #{entries := Entries} = Value = value(Changes),
    ?assertEqual([{missing, [2]}], wrong(Value#{entries := maps:remove(2, Entries)}, history(Changes, 2))).

half_of_add_entries_is_wrong(_Config) ->
    History = history([{add_entry, entry(a)}, {add_entries, [entry(b), entry(c), entry(d)]}], 1),
    Half = value([{add_entry, entry(a)}, {add_entries, [entry(b), entry(c)]}]),
    ?assertEqual([{half_done, [2, 3]}], wrong(Half, History)).

resurrected_entry_is_wrong(_Config) ->
    Changes = [{add_entry, entry(a)}, {add_entry, entry(b)}, {delete_entry, 1}],
    ?assertEqual([{resurrected, [1]}], wrong(value(lists:sublist(Changes, 2)), history(Changes, 3))).

stale_entry_is_wrong(_Config) ->
    Changes = [{add_entry, entry(a)}, {replace_entry, 1, (entry(a))#{id => 1}, entry(b)}, {update_entry, 1, entry(c)}],
    ?assertEqual([{stale, [1]}], wrong(value(lists:sublist(Changes, 1)), history(Changes, 2))).

reused_id_is_wrong(_Config) ->
    Changes = [{add_entry, entry(a)}, {add_entry, entry(b)}, {delete_entry, 2}],
    Value = value(Changes),
    ?assertEqual([{id_reused, #{next_id => 2, given_away_to => 3}}], wrong(Value#{next_id := 2}, history(Changes, 3))).

%% The second change in flight is there, the first is not.
gap_in_flight_is_wrong(_Config) ->
    Changes = [{add_entry, entry(a)}, {add_entry, entry(b)}, {update_entry, 1, entry(c)}, {delete_entry, 2}],
    #{entries := Entries} = Value = value(lists:sublist(Changes, 2)),
    Gap = Value#{entries := maps:remove(2, Entries)},
    ?assertEqual([out_of_order], wrong(Gap, history(Changes, 2))).

invented_entry_is_wrong(_Config) ->
    Value = value([{add_entry, entry(a)}, {add_entry, entry(other)}]),
    Changes = [{add_entry, entry(a)}, {add_entry, entry(b)}],
    ?assertEqual([{invented, [2]}], wrong(Value, history(Changes, 1))),
    ?assertEqual([{stale, [2]}], wrong(Value, history(Changes, 2))).

value_of_a_key(_Config) ->
    Changes = [{store, a}, {store, b}, delete, {store, c}],
    ?assertEqual([{stale, value}], wrong(a, history(Changes, 2))),
    ?assertEqual([{resurrected, value}], wrong(b, history(Changes, 3))),
    ?assertEqual([{missing, value}], wrong(nil, history(Changes, 4))),
    ?assertEqual([{missing, value}], wrong({error, {corrupt, <<"key">>}}, history(Changes, 4))),
    ?assertEqual([{stale, value}], wrong(d, history(Changes, 4))),
    ?assertEqual([{invented, value}], wrong(d, history(Changes, 3))).

%% What is answered without a change acknowledges nothing, unless it says that something is on disk.
answers_acknowledge_what_was_before(_Config) ->
    History = asked([{add_entry, entry(a)}, {add_entry, entry(b)}, {delete_entry, 2}]),
    Covers = fun(Change) ->
                     {Answer, Index, _} = torture_model:asked(Change, History),
                     {Answer, Index}
             end,
    ?assertEqual({ok, 3}, Covers(sync)),
    ?assertEqual({ok, 3}, Covers({delete_entry, 2})),
    ?assertEqual({ok, 4}, Covers({delete_entry, 1})),
    ?assertEqual({{ok, 3}, 4}, Covers({add_entry, entry(c)})),
    ?assertEqual({{ok, [3, 4]}, 4}, Covers({add_entries, [entry(c), entry(d)]})),
    ?assertEqual({{error, not_found}, 0}, Covers({update_entry, 2, entry(c)})),
    ?assertEqual({{error, not_found}, 0}, Covers({replace_entry, 2, entry(b), entry(c)})),
    ?assertEqual({{error, conflict}, 0}, Covers({replace_entry, 1, entry(a), entry(c)})),
    ?assertEqual({[(entry(a))#{id => 1}], 0}, Covers(entries)).
