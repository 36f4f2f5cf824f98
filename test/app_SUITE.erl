%% The application `todo' in a BEAM of its own: it owns the node, and its module gives the messages their names.
-module(app_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(D1, {2023, 12, 19}).
-define(D2, {2023, 12, 20}).
-define(LINES, app_suite_lines).
-define(KEYS, 500).

all() ->
    [every_function_once, start_not_distributed_becomes_hidden_node, start_distributed_keeps_its_name,
     start_hands_over_the_cookie, start_hands_over_the_tick_time, stop_writes_everything, stop_and_start_again,
     init_stop_writes_everything, killed_program_comes_back, killed_owner_comes_back, killed_beam_leaves_no_program,
     connect_mode_leaves_node_alone, connect_mode_connects_again, connect_mode_without_node_fails,
     taken_name_is_told, bad_folder_is_told, folder_in_use_is_told, bad_options_are_told, missing_program_is_told,
     lines_go_to_logger_at_their_level, lines_of_the_node_go_to_logger].

init_per_suite(Config) ->
    ok = node_case:distribute(),
    Config.

end_per_suite(_Config) ->
    node_case:clean().

init_per_testcase(Case, Config) ->
    Fresh = [{folder, node_case:folder()}, {name, node_case:unique("todo")} | Config],
    [{beam, beam(Fresh, options(Case, Fresh))} | Fresh].

%% The node ends with its owner, however a case has ended.
end_per_testcase(_Case, Config) ->
    _ = ?config(tc_status, Config) =:= ok orelse ct:pal("~tp", [catch lines(?config(beam, Config))]),
    ok = beam_case:stop(?config(beam, Config)),
    beam_case:await_no_program(?config(folder, Config)).

options(start_distributed_keeps_its_name, Config) ->
    #{args => ["-sname", "own_" ++ ?config(name, Config)]};
options(start_hands_over_the_cookie, Config) ->
    #{args => ["-setcookie", "cookie_of_" ++ ?config(name, Config)]};
options(start_hands_over_the_tick_time, _Config) ->
    #{args => ["-kernel", "net_ticktime", "16"]};
options(missing_program_is_told, _Config) ->
    #{env => [{"TODO_NODE_PROGRAM", "/nonexistent/todo_node"}]};
options(lines_go_to_logger_at_their_level, _Config) ->
    #{env => [{"TODO_NODE_PROGRAM", talkative_program()}]};
options(_Case, _Config) ->
    #{}.

%% ---- a BEAM with the application ----

%% Loaded and configured, not started.
beam(Config, Options) ->
    Beam = beam_case:start(Options),
    ok = beam_case:call(Beam, application, load, [todo]),
    ok = configure(Beam, [{sname, ?config(name, Config)}, {persist, ?config(folder, Config)}]),
    ok = beam_case:call(Beam, ?MODULE, keep_lines, []),
    Beam.

configure(Beam, Env) ->
    beam_case:call(Beam, application, set_env, [[{todo, Env}]]).

started(Config) ->
    Beam = ?config(beam, Config),
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
    ok = logger:add_handler(?MODULE, ?MODULE, #{}),
    ok = logger:set_primary_config(level, all),
    ok = logger:set_handler_config(default, level, none),
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
    Is = fun({L, Line}) -> L =:= Level andalso contains(Line, Text) end,
    node_case:await(fun() -> lists:any(Is, lines(Beam)) end).

contains(Line, Text) ->
    io_lib:printable_unicode_list(Line) andalso string:find(Line, Text) =/= nomatch.

%% ---- the API ----

%% Each exported function with an answer that only the right message gives.
every_function_once(Config) ->
    ok = beam_case:call(?config(beam, Config), ?MODULE, call_every_function, [node_of(Config)]),
    ?assertEqual([], beam_case:programs(?config(folder, Config))).

call_every_function(Node) ->
    Called = [start_functions(Node), database_functions(), cache_functions(Node), list_functions(),
              [check(stop, [], ok)]],
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
     check(subscribe, [Bob], {ok, 7}),
     check(subscribe, [Bob, not_a_pid], {error, badarg}),
     check(delete_entry, [Bob, 3], ok),
     check_event({todo_event, Bob, 8, {delete_entry, 3}}),
     check(subscribe, [Bob, self(), [{ack, soon}]], {error, badarg}),
     check(unsubscribe, [Bob], ok),
     check(unsubscribe, [Bob, self()], ok),
     check(sync, [Bob], ok)].

check_event(Expected) ->
    receive Event -> ?assertEqual(Expected, Event), {event, 1} after 5000 -> error(no_event) end.

database_functions() ->
    Worker = todo:choose_worker(key),
    ?assert(is_pid(Worker)),
    [check(store, [key, {any, "term"}], ok), check(get, [key], {any, "term"}), check(store_sync, [7, seven], ok),
     check(get, [7], seven), check(get, [8], nil), check(delete, [7], ok), check(get, [7], nil),
     check(choose_worker, [key], Worker), check(keys, [], [key]), check(set_aside, [7], {error, not_found}),
     check(store_sync, [{no, key}, 1], {error, badarg})].

%% ---- distribution ----

%% The BEAM gets a name that no other has, is not in epmd, and no cluster sees it.
start_not_distributed_becomes_hidden_node(Config) ->
    Beam = ?config(beam, Config),
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
    ?assertNot(lists:member(Own, nodes())),
    Second = [{folder, node_case:folder()}, {name, node_case:unique("todo")}],
    Other = beam(Second, #{}),
    ok = beam_case:call(Other, start, []),
    ?assertNotEqual(Own, beam_case:call(Other, erlang, node, [])),
    ok = beam_case:stop(Other),
    beam_case:await_no_program(?config(folder, Second)).

start_distributed_keeps_its_name(Config) ->
    Beam = started(Config),
    ?assertEqual(node_case:node_name("own_" ++ ?config(name, Config)), beam_case:call(Beam, erlang, node, [])),
    ?assert(is_pid(beam_case:call(Beam, server_process, [bob]))).

%% The node lets in who has its owner's cookie, nobody else.
start_hands_over_the_cookie(Config) ->
    Beam = started(Config),
    Node = node_of(Config),
    Cookie = beam_case:call(Beam, erlang, get_cookie, []),
    ?assertEqual("cookie_of_" ++ ?config(name, Config), atom_to_list(Cookie)),
    ?assertEqual(pang, net_adm:ping(Node)),
    true = erlang:set_cookie(Node, Cookie),
    ?assertEqual(pong, net_adm:ping(Node)),
    true = erlang:disconnect_node(Node),
    %% Where every user of the machine could read it.
    {ok, Line} = file:read_file(filename:join(["/proc", program(Config), "cmdline"])),
    ?assertEqual(nomatch, string:find(Line, atom_to_list(Cookie))).

%% A cluster has one: this BEAM's, unless it is configured.
start_hands_over_the_tick_time(Config) ->
    Beam = started(Config),
    Ticktime = fun() -> beam_case:call(Beam, erpc, call, [node_of(Config), net_kernel, get_net_ticktime, []]) end,
    ?assertEqual(16, Ticktime()),
    ok = beam_case:call(Beam, application, stop, [todo]),
    ok = configure(Beam, [{net_ticktime, 8}]),
    ok = beam_case:call(Beam, start, []),
    ?assertEqual(8, Ticktime()).

%% ---- the end of the application ----

%% What was only cast is on disk, as plain values, when stop returns; and the node has said that all went well.
stop_writes_everything(Config) ->
    Beam = started(Config),
    Folder = ?config(folder, Config),
    Bob = beam_case:call(Beam, server_process, [<<"bob">>]),
    [ok = beam_case:call(Beam, add_entry, [Bob, #{date => ?D1, title => N}]) || N <- lists:seq(1, 20)],
    ok = beam_case:call(Beam, ?MODULE, store_keys, []),
    ok = beam_case:call(Beam, stop, []),
    ?assertEqual([], beam_case:programs(Folder)),
    ?assertEqual(lists:seq(1, 20), titles_on_disk(Folder, "bob")),
    ?assertEqual(lists:sort(["bob" | ["key " ++ integer_to_list(N) || N <- lists:seq(1, ?KEYS)]]), names(Folder)),
    ?assertEqual([], [Line || {Level, Line} <- lines(Beam), logger:compare_levels(Level, warning) =/= lt]),
    ?assertError({not_started, todo}, beam_case:call(Beam, node, [])).

%% Enough to keep the node busy for a moment. The answer to the call says that all have arrived, not that they are on disk.
store_keys() ->
    lists:foreach(fun(N) -> ok = todo:store(<<"key ", (integer_to_binary(N))/binary>>, N) end, lists:seq(1, ?KEYS)),
    true = is_pid(todo:choose_worker(key)),
    ok.

titles_on_disk(Folder, Name) ->
    {ok, Bytes} = file:read_file(filename:join(Folder, Name)),
    #{entries := Entries} = binary_to_term(Bytes),
    [Title || {_, #{title := Title}} <- lists:sort(maps:to_list(Entries))].

stop_and_start_again(Config) ->
    Beam = started(Config),
    [begin
         Bob = beam_case:call(Beam, server_process, [<<"bob">>]),
         ?assertEqual(N, add(Beam, Bob, ?D1, N)),
         ?assertEqual(lists:seq(1, N), titles(Beam, Bob, ?D1)),
         ok = beam_case:call(Beam, stop, []),
         ok = beam_case:call(Beam, start, [])
     end || N <- [1, 2, 3]].

init_stop_writes_everything(Config) ->
    Beam = started(Config),
    Folder = ?config(folder, Config),
    Bob = beam_case:call(Beam, server_process, [<<"bob">>]),
    ok = beam_case:call(Beam, add_entry, [Bob, #{date => ?D1, title => a}]),
    Monitor = monitor(process, Beam),
    ok = beam_case:call(Beam, init, stop, []),
    normal = node_case:down(Monitor, Beam),
    ?assertEqual([], beam_case:programs(Folder)),
    ?assertEqual([a], titles_on_disk(Folder, "bob")),
    ?assertEqual(["bob"], names(Folder)).

%% ---- crashes ----

%% kill -9: the same node again, with everything that was acknowledged; processes of the old one are no more.
killed_program_comes_back(Config) ->
    Beam = started(Config),
    Old = program(Config),
    Bob = beam_case:call(Beam, server_process, [<<"bob">>]),
    [N = add(Beam, Bob, ?D1, N) || N <- lists:seq(1, 10)],
    ok = signal("KILL", Old),
    New = list_again(Beam, <<"bob">>, Bob),
    ?assertEqual(lists:seq(1, 10), titles(Beam, New, ?D1)),
    ?assertEqual(11, add(Beam, New, ?D1, 11)),
    ?assertNotEqual(Old, program(Config)),
    ?assertExit({noproc, _}, beam_case:call(Beam, size, [Bob])),
    ?assertEqual(node_of(Config), beam_case:call(Beam, node, [])).

%% The pid of a list once it is another one: calls fail while the node is away.
list_again(Beam, Name, Old) ->
    Find = fun() ->
                   try beam_case:call(Beam, server_process, [Name]) of
                       Pid when is_pid(Pid) -> Pid;
                       {error, _} -> Old
                   catch
                       exit:_ -> Old
                   end
           end,
    ok = node_case:await(fun() -> Find() =/= Old end),
    Find().

%% The program ends with its owner, and the next one waits until the folder and the name are free.
killed_owner_comes_back(Config) ->
    Beam = started(Config),
    Bob = beam_case:call(Beam, server_process, [<<"bob">>]),
    1 = add(Beam, Bob, ?D1, a),
    ok = beam_case:call(Beam, ?MODULE, store_keys, []),
    true = beam_case:call(Beam, erlang, exit, [beam_case:call(Beam, erlang, whereis, [todo_node]), kill]),
    New = list_again(Beam, <<"bob">>, Bob),
    ?assertEqual([a], titles(Beam, New, ?D1)),
    ?assertEqual(?KEYS + 1, length(beam_case:call(Beam, keys, []))),
    ?assertEqual([], [Line || {error, Line} <- lines(Beam), contains(Line, "todo_node: ")]),
    _ = program(Config),
    ok.

killed_beam_leaves_no_program(Config) ->
    Beam = started(Config),
    Folder = ?config(folder, Config),
    Bob = beam_case:call(Beam, server_process, [<<"bob">>]),
    1 = add(Beam, Bob, ?D1, a),
    _ = program(Config),
    Monitor = monitor(process, Beam),
    ok = signal("KILL", beam_case:call(Beam, os, getpid, [])),
    normal = node_case:down(Monitor, Beam),
    ok = beam_case:await_no_program(Folder),
    ?assertEqual([a], titles_on_disk(Folder, "bob")),
    ?assertEqual(["bob"], names(Folder)).

%% ---- a node that runs already ----

connected(Beam, Server) ->
    ok = configure(Beam, [{start, false}, {node, maps:get(node, Server)}]),
    ok = beam_case:call(Beam, start, []).

connect_mode_leaves_node_alone(Config) ->
    Beam = ?config(beam, Config),
    Server = #{node := Node} = node_case:start(),
    ok = connected(Beam, Server),
    ?assertEqual(Node, beam_case:call(Beam, node, [])),
    ?assertEqual([], beam_case:programs(?config(folder, Config))),
    Bob = beam_case:call(Beam, server_process, [<<"bob">>]),
    1 = add(Beam, Bob, ?D1, a),
    ok = beam_case:call(Beam, stop, []),
    ?assertEqual([a], [T || #{title := T} <- gen_server:call(node_case:list(Server, <<"bob">>), entries)]),
    0 = node_case:stop(Server).

connect_mode_connects_again(Config) ->
    Beam = ?config(beam, Config),
    First = node_case:start(#{name => "other_" ++ ?config(name, Config)}),
    ok = connected(Beam, First),
    Bob = beam_case:call(Beam, server_process, [<<"bob">>]),
    1 = add(Beam, Bob, ?D1, a),
    137 = node_case:kill(First),
    ok = await_line(Beam, warning, "lost"),
    Second = node_case:start((maps:with([folder], First))#{name => "other_" ++ ?config(name, Config)}),
    ok = await_line(Beam, notice, "again"),
    ?assertEqual([a], titles(Beam, beam_case:call(Beam, server_process, [<<"bob">>]), ?D1)),
    0 = node_case:stop(Second).

connect_mode_without_node_fails(Config) ->
    Beam = ?config(beam, Config),
    ok = configure(Beam, [{start, false}]),
    ?assertEqual({bad_option, {node, undefined}}, why(Beam)),
    ok = configure(Beam, [{node, nohost}]),
    ?assertMatch({bad_option, {name, _}}, why(Beam)),
    Node = node_of(Config),
    ok = configure(Beam, [{node, Node}]),
    ?assertEqual({cannot_connect, Node}, why(Beam)).

%% ---- a start that fails ----

%% The program's own last line and exit status are the reason; a later start works.
taken_name_is_told(Config) ->
    Beam = ?config(beam, Config),
    Server = node_case:start(#{name => ?config(name, Config)}),
    {exit_status, 5, Line} = why(Beam),
    ?assertNotEqual(nomatch, string:find(Line, atom_to_binary(node_of(Config)))),
    0 = node_case:stop(Server),
    ok = beam_case:call(Beam, start, []).

bad_folder_is_told(Config) ->
    Beam = ?config(beam, Config),
    File = beam_case:file_with("not a folder"),
    ok = configure(Beam, [{persist, File}]),
    {exit_status, 4, Line} = why(Beam),
    ?assertNotEqual(nomatch, string:find(Line, File)),
    ok = configure(Beam, [{persist, ?config(folder, Config)}]),
    ok = beam_case:call(Beam, start, []).

folder_in_use_is_told(Config) ->
    Beam = ?config(beam, Config),
    Server = node_case:start(#{folder => ?config(folder, Config)}),
    {exit_status, 4, Line} = why(Beam),
    ?assertNotEqual(nomatch, string:find(Line, ?config(folder, Config))),
    ?assertEqual(pong, net_adm:ping(maps:get(node, Server))),
    0 = node_case:stop(Server),
    ok = beam_case:call(Beam, start, []).

bad_options_are_told(Config) ->
    Beam = ?config(beam, Config),
    [begin
         ok = configure(Beam, [{Key, Bad}]),
         ?assertMatch({exit_status, 2, _}, why(Beam), {Key, Bad}),
         ok = beam_case:call(Beam, application, unset_env, [todo, Key])
     end || {Key, Bad} <- [{workers, 0}, {port, 65536}, {expire, "soon"}, {log_level, loud}, {listen, "nowhere"},
                           {extra, ["--no-such-option"]}, {sname, "a@b.c"}]],
    ok = configure(Beam, [{start, maybe}]),
    ?assertEqual({bad_option, {start, maybe}}, why(Beam)),
    ok = configure(Beam, [{start, true}, {persist, {a, folder}}]),
    ?assertMatch({bad_option, _}, why(Beam)).

missing_program_is_told(Config) ->
    ?assertMatch({cannot_run, "/nonexistent/todo_node", enoent}, why(?config(beam, Config))).

%% ---- what the node writes ----

%% A program that says something in every way first.
talkative_program() ->
    File = beam_case:file_with(
             ["#!/bin/sh\n",
              [["echo level=", Level, " mod=test event=", Level, "_line >&2\n"]
               || Level <- ["debug", "info", "warn", "error"]],
              "echo a line without a level >&2\n",
              "printf 'level=warn mod=test event=utf8 name=\\303\\245\\n' >&2\n",
              "printf 'level=warn mod=test event=latin1 name=\\345\\n' >&2\n",
              "printf 'level=warn mod=test event=tilde ~p~n\\n' >&2\n",
              "echo level=warn >&2\n",
              "exec ", node_case:program(), " \"$@\"\n"]),
    ok = file:change_mode(File, 8#755),
    File.

lines_go_to_logger_at_their_level(Config) ->
    Beam = started(Config),
    Written = [{Level, Line} || {Level, Line} <- lines(Beam), io_lib:printable_unicode_list(Line)],
    [?assert(lists:member(Line, Written), {Line, Written})
     || Line <- [{debug, "todo_node: mod=test event=debug_line"}, {info, "todo_node: mod=test event=info_line"},
                 {warning, "todo_node: mod=test event=warn_line"}, {error, "todo_node: mod=test event=error_line"},
                 {error, "a line without a level"}, {warning, "todo_node: mod=test event=utf8 name=å"},
                 {warning, "todo_node: mod=test event=latin1 name=å"},
                 {warning, "todo_node: mod=test event=tilde ~p~n"}, {error, "level=warn"}]],
    ?assert(is_pid(beam_case:call(Beam, server_process, [bob]))).

%% Before it is ready, and while it runs.
lines_of_the_node_go_to_logger(Config) ->
    Beam = started(Config),
    ok = await_line(Beam, info, "event=started node=" ++ atom_to_list(node_of(Config))),
    Bob = beam_case:call(Beam, server_process, [<<"bob">>]),
    ok = signal("TERM", program(Config)),
    ok = await_line(Beam, info, "event=stopping"),
    _ = list_again(Beam, <<"bob">>, Bob),
    ok.
