%% `make run' as a script sees it, and iex with nothing of ours.
-module(run_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

all() ->
    [run_twice_keeps_the_list, run_ends_with_the_node, run_in_a_folder_in_use_is_told,
     run_under_a_taken_name_is_told, iex_without_our_modules].

init_per_suite(Config) ->
    ok = node_case:distribute(),
    _ = beam_case:elixir_ebin(),
    Config.

end_per_suite(_Config) ->
    node_case:clean().

init_per_testcase(_Case, Config) ->
    [{folder, node_case:folder()}, {name, node_case:unique("run")} | Config].

end_per_testcase(_Case, Config) ->
    beam_case:await_no_program(?config(folder, Config)).

run(Script, Config) ->
    beam_case:shell("exec scripts/run", [{"PERSIST", ?config(folder, Config)}, {"SNAME", ?config(name, Config)}],
                    beam_case:file_with(Script)).

%% What the README and the design promise.
script() ->
    "{:ok, cache} = Todo.Cache.start()\n"
    "bob = Todo.Cache.server_process(cache, \"bob\")\n"
    "Todo.Server.add_entry(bob, %{date: ~D[2023-12-19], title: \"Dentist\"})\n"
    "Todo.Server.entries(bob, ~D[2023-12-19])\n".

entry(Id) ->
    "%{date: ~D[2023-12-19], id: " ++ integer_to_list(Id) ++ ", title: \"Dentist\"}".

run_twice_keeps_the_list(Config) ->
    First = succeeds(run(script(), Config)),
    ?assertNotEqual(nomatch, string:find(First, "[" ++ entry(1) ++ "]"), First),
    ?assertEqual(["bob"], element(2, file:list_dir_all(?config(folder, Config)))),
    Second = succeeds(run(script(), Config)),
    ?assertNotEqual(nomatch, string:find(Second, entry(1)), Second),
    ?assertNotEqual(nomatch, string:find(Second, entry(2)), Second),
    {ok, Bytes} = file:read_file(filename:join(?config(folder, Config), "bob")),
    Date = #{'__struct__' => 'Elixir.Date', calendar => 'Elixir.Calendar.ISO', year => 2023, month => 12, day => 19},
    ?assertEqual(#{'__struct__' => 'Elixir.Todo.List', next_id => 3,
                   entries => maps:from_list([{Id, #{id => Id, date => Date, title => <<"Dentist">>}} || Id <- [1, 2]])},
                 binary_to_term(Bytes)).

succeeds({Status, Output}) ->
    ?assertEqual(0, Status, Output),
    Output.

%% A script that ends the BEAM: its exit status comes out, and what it cast is on disk by then.
run_ends_with_the_node(Config) ->
    {Status, Output} = run(script() ++ "System.halt(3)\n", Config),
    ?assertEqual(3, Status, Output),
    ?assertEqual([], beam_case:programs(?config(folder, Config))),
    ?assertEqual(["bob"], element(2, file:list_dir_all(?config(folder, Config)))).

%% At once, and the node that uses it is left alone.
run_in_a_folder_in_use_is_told(Config) ->
    Server = #{node := Node} = node_case:start(#{folder => ?config(folder, Config)}),
    {Status, Output} = run("", Config),
    ?assertEqual(1, Status, Output),
    ?assertNotEqual(nomatch, string:find(Output, "in use"), Output),
    ?assertEqual(nomatch, string:find(Output, "after a minute"), Output),
    ?assertEqual(pong, net_adm:ping(Node)),
    0 = node_case:stop(Server).

run_under_a_taken_name_is_told(Config) ->
    Server = node_case:start(#{name => ?config(name, Config)}),
    {Status, Output} = run("", Config),
    ?assertEqual(1, Status, Output),
    ?assertNotEqual(nomatch, string:find(Output, "The node did not start"), Output),
    ?assertNotEqual(nomatch, string:find(Output, "(exit status 5)"), Output),
    0 = node_case:stop(Server).

%% Messages alone: no application, no module, no path of ours.
iex_without_our_modules(Config) ->
    Server = #{node := Node} = node_case:start(#{folder => ?config(folder, Config)}),
    Script = ["cache = {Todo.Cache, :\"", atom_to_list(Node), "\"}\n",
              "Code.ensure_loaded(Todo.Cache)\n",
              "bob = GenServer.call(cache, {:server_process, \"bob\"})\n",
              "GenServer.call(bob, {:add_entry, %{date: ~D[2023-12-19], title: \"Dentist\"}})\n",
              "GenServer.call(bob, {:entries, ~D[2023-12-19]})\n"],
    Output = succeeds(beam_case:shell("exec iex --sname \"$SNAME\" --cookie \"$COOKIE\"",
                                      [{"SNAME", ?config(name, Config)}, {"COOKIE", atom_to_list(erlang:get_cookie())}],
                                      beam_case:file_with(Script))),
    [?assertNotEqual(nomatch, string:find(Output, Answer), {Answer, Output})
     || Answer <- ["{:error, :nofile}", "{:ok, 1}", "[" ++ entry(1) ++ "]"]],
    0 = node_case:stop(Server).
