%% The application `todo' in a BEAM of its own: it owns the node, and its module gives the messages their names.
-module(app_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(D1, {2023, 12, 19}).
-define(D2, {2023, 12, 20}).
-define(LINES, app_suite_lines).

all() ->
    [every_function_once, start_not_distributed_becomes_hidden_node, start_distributed_keeps_its_name,
     start_hands_over_the_cookie, stop_writes_everything, stop_and_start_again, init_stop_writes_everything,
     killed_program_comes_back, killed_owner_comes_back, killed_beam_leaves_no_program,
     connect_mode_leaves_node_alone, connect_mode_connects_again, connect_mode_without_node_fails,
     taken_name_is_told, bad_folder_is_told, folder_in_use_is_told, bad_options_are_told, missing_program_is_told,
     lines_go_to_logger_at_their_level, lines_of_the_node_go_to_logger].

init_per_suite(Config) ->
    ok = node_case:distribute(),
    Config.

end_per_suite(_Config) ->
    ok.

init_per_testcase(_Case, Config) ->
    [{folder, node_case:folder()}, {name, node_case:unique("todo")} | Config].

%% Whatever a case has left, its BEAM and with it the node end here.
end_per_testcase(_Case, Config) ->
    [beam_case:stop(Beam) || {Case, Beam} <- ets:tab2list(?MODULE), Case =:= ?config(folder, Config)],
    beam_case:await_no_program(?config(folder, Config)).

%% ---- a BEAM with the application ----

%% Not started yet; the node of this case's name and folder.
beam(Config) ->
    beam(Config, #{}).

beam(Config, Options) ->
    Beam = beam_case:start(Options),
    ok = beam_case:call(Beam, application, load, [todo]),
    ok = configure(Beam, [{sname, ?config(name, Config)}, {persist, ?config(folder, Config)}]),
    ok = beam_case:call(Beam, logger, add_handler, [?MODULE, ?MODULE, #{}]),
    ok = beam_case:call(Beam, logger, set_primary_config, [level, all]),
    ok = beam_case:call(Beam, ?MODULE, keep_lines, []),
    Beam.

configure(Beam, Env) ->
    beam_case:call(Beam, application, set_env, [[{todo, Env}]]).

started(Config) ->
    Beam = beam(Config),
    ok = beam_case:call(Beam, start, []),
    Beam.

node_of(Config) ->
    node_case:node_name(?config(name, Config)).

program(Config) ->
    [Pid] = beam_case:programs(?config(folder, Config)),
    Pid.

signal(Signal, Pid) ->
    "" = os:cmd("kill -" ++ Signal ++ " " ++ Pid),
    ok.

add(Beam, List, Date, Title) ->
    {ok, Id} = beam_case:call(Beam, add_entry_sync, [List, #{date => Date, title => Title}]),
    Id.

titles(Beam, List, Date) ->
    [Title || #{title := Title} <- beam_case:call(Beam, entries, [List, Date])].

%% The pid of a list, when the node answers again.
list_again(Beam, Name) ->
    ok = node_case:await(fun() -> is_pid(catch beam_case:call(Beam, server_process, [Name])) end),
    beam_case:call(Beam, server_process, [Name]).

names(Folder) ->
    {ok, Names} = file:list_dir_all(Folder),
    lists:sort(Names).

%% What the supervisor's child said why it did not start.
why(Beam) ->
    {error, {todo, {{shutdown, {failed_to_start_child, todo_node, Reason}}, {todo_app, start, _}}}} =
        beam_case:call(Beam, start, []),
    ?assertEqual(undefined, beam_case:call(Beam, erlang, whereis, [todo_sup])),
    ?assertError({not_started, todo}, beam_case:call(Beam, node, [])),
    Reason.

%% ---- in that BEAM: what the logger was told ----

keep_lines() ->
    Self = self(),
    Keeper = spawn(fun() ->
                           ?LINES = ets:new(?LINES, [named_table, public, duplicate_bag]),
                           Self ! {self(), ready},
                           receive stop -> ok end
                   end),
    receive {Keeper, ready} -> ok end.

log(#{level := Level, msg := {string, Text}}, _Config) ->
    ets:insert(?LINES, {Level, unicode:characters_to_list(Text)});
log(#{level := Level, msg := {report, Report}}, _Config) ->
    ets:insert(?LINES, {Level, Report});
log(#{level := Level, msg := {Format, Arguments}}, _Config) ->
    ets:insert(?LINES, {Level, unicode:characters_to_list(io_lib:format(Format, Arguments))}).

lines(Beam) ->
    beam_case:call(Beam, ets, tab2list, [?LINES]).

%% A line of that level with that text in it.
await_line(Beam, Level, Text) ->
    node_case:await(fun() -> lists:any(fun({L, Line}) -> L =:= Level andalso contains(Line, Text) end, lines(Beam)) end).

contains(Line, Text) ->
    io_lib:printable_unicode_list(Line) andalso string:find(Line, Text) =/= nomatch.

%% ---- the API ----

%% Each exported function with an answer that only the right message gives.
every_function_once(Config) ->
    Beam = beam(Config),
    ok = beam_case:call(Beam, ?MODULE, call_every_function, [node_of(Config)]),
    ?assertEqual([], beam_case:programs(?config(folder, Config))).

call_every_function(Node) ->
    Called = [start_functions(Node), cache_functions(Node), list_functions(), database_functions(), [check(stop, [], ok)]],
    Exported = [F || {Name, _} = F <- todo:module_info(exports), Name =/= module_info],
    ?assertEqual([], Exported -- lists:append(Called)),
    ?assertError({not_started, todo}, todo:node()),
    ok.

check(Function, Arguments, Expected) ->
    ?assertEqual(Expected, apply(todo, Function, Arguments), {Function, Arguments}),
    {Function, length(Arguments)}.

start_functions(Node) ->
    [check(start, [], ok), check(start, [], ok), check(node, [], Node)].

cache_functions(Node) ->
    Bob = todo:server_process(<<"bob">>),
    ?assertEqual(Node, node(Bob)),
    [check(server_process, [<<"bob">>], Bob), check(server_process, [{'Elixir.Todo.Cache', Node}, <<"bob">>], Bob),
     check(server_process, [{no, name}], {error, badarg}), check(whereis_server, [<<"bob">>], Bob),
     check(whereis_server, [<<"alice">>], nil), check(names, [], [<<"bob">>]), check(count, [], 1)].

list_functions() ->
    Bob = todo:server_process(<<"bob">>),
    One = #{id => 1, date => ?D1, title => a},
    Two = #{id => 2, date => ?D2, title => b},
    Three = #{id => 3, date => ?D1, title => c},
    Later = fun(Entry) -> Entry#{date := ?D2} end,
    [check(add_entry, [Bob, maps:remove(id, One)], ok),
     check(add_entry_sync, [Bob, maps:remove(id, Two)], {ok, 2}),
     check(add_entry_sync, [Bob, #{title => no}], {error, {badarg, no_date}}),
     check(add_entries, [Bob, [maps:remove(id, Three), Three]], {ok, [3, 4]}),
     check(delete_entry, [Bob, 4], ok),
     check(delete_entry, [Bob, 4], ok),
     check(entries, [Bob], [One, Two, Three]),
     check(entries, [Bob, ?D1], [One, Three]),
     check(entry, [Bob, 2], Two),
     check(entry, [Bob, 4], nil),
     check(size, [Bob], 3),
     check(update_entry, [Bob, 2, Two#{title := z}], ok),
     check(update_entry, [Bob, 3, Later], ok),
     check(update_entry, [Bob, 3, fun(Entry) -> maps:remove(date, Entry) end], {error, {badarg, no_date}}),
     check(update_entry, [Bob, 9, Later], {error, not_found}),
     check(update_entry, [Bob, 9, Two], {error, not_found}),
     check(entries, [Bob, ?D2], [Two#{title := z}, Three#{date := ?D2}]),
     check(sync, [Bob], ok)].

database_functions() ->
    Worker = todo:choose_worker(key),
    ?assert(is_pid(Worker)),
    [check(store, [key, {any, "term"}], ok), check(get, [key], {any, "term"}), check(store_sync, [7, seven], ok),
     check(get, [7], seven), check(get, [8], nil), check(delete, [7], ok), check(get, [7], nil),
     check(choose_worker, [key], Worker), check(keys, [], lists:sort(todo:keys())),
     check(store_sync, [{no, key}, 1], {error, badarg})].

%% ---- distribution ----

%% The BEAM gets a name that no other has, is not in epmd, and no cluster sees it.
start_not_distributed_becomes_hidden_node(Config) ->
    Beam = beam(Config),
    ?assertEqual(nonode@nohost, beam_case:call(Beam, erlang, node, [])),
    ok = beam_case:call(Beam, start, []),
    Own = beam_case:call(Beam, erlang, node, []),
    ?assertMatch({match, _}, re:run(atom_to_list(Own), "^todo_[0-9a-z]{8}@")),
    {ok, Known} = erl_epmd:names(),
    ?assertEqual([], [Name || {Name, _} <- Known, lists:prefix(Name ++ "@", atom_to_list(Own))]),
    ?assertEqual([node_of(Config)], beam_case:call(Beam, erlang, nodes, [hidden])),
    ?assertEqual([], beam_case:call(Beam, erlang, nodes, [])),
    true = beam_case:call(Beam, net_kernel, connect_node, [node()]),
    ok = node_case:await(fun() -> lists:member(Own, nodes(hidden)) end),
    ?assertNot(lists:member(Own, nodes(visible))),
    Other = beam(Config),
    ok = configure(Other, [{sname, node_case:unique("todo")}, {persist, node_case:folder()}]),
    ok = beam_case:call(Other, start, []),
    ?assertNotEqual(Own, beam_case:call(Other, erlang, node, [])).

start_distributed_keeps_its_name(Config) ->
    Name = node_case:unique("own"),
    Beam = beam(Config, #{args => ["-sname", Name]}),
    ok = beam_case:call(Beam, start, []),
    ?assertEqual(node_case:node_name(Name), beam_case:call(Beam, erlang, node, [])),
    ?assert(is_pid(beam_case:call(Beam, server_process, [bob]))).
