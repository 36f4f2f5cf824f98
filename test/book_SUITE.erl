%% The Elixir modules, by programs written in the manner of the book: the files in test/elixir, each run by ExUnit in an
%% operating-system process of its own that starts a node of its own.
-module(book_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

all() ->
    [list_test, cache_test, server_test, database_test, system_test, restart_test, every_test_file_is_run].

init_per_suite(Config) ->
    [{ebin, beam_case:elixir_ebin()} | Config].

end_per_suite(_Config) ->
    node_case:clean().

init_per_testcase(_Case, Config) ->
    [{folder, node_case:folder()} | Config].

end_per_testcase(_Case, Config) ->
    beam_case:await_no_program(?config(folder, Config)).

list_test(Config) -> passes(?FUNCTION_NAME, Config).
cache_test(Config) -> passes(?FUNCTION_NAME, Config).
server_test(Config) -> passes(?FUNCTION_NAME, Config).
database_test(Config) -> passes(?FUNCTION_NAME, Config).
system_test(Config) -> passes(?FUNCTION_NAME, Config).
restart_test(Config) -> passes(?FUNCTION_NAME, Config).

every_test_file_is_run(_Config) ->
    Files = filelib:wildcard("*_test.exs", filename:join(beam_case:root(), "test/elixir")),
    ?assertEqual([], [filename:rootname(File) || File <- Files] -- [atom_to_list(Case) || Case <- all()]).

passes(Case, Config) ->
    {Status, Output} =
        beam_case:shell("exec elixir -pa \"$EBIN\" -r test/elixir/test_helper.exs -r test/elixir/$CASE.exs",
                        [{"EBIN", ?config(ebin, Config)}, {"CASE", atom_to_list(Case)},
                         {"PERSIST", ?config(folder, Config)}, {"SNAME", node_case:unique("book")}]),
    case {Status, re:run(Output, "^(\\d+) tests?, 0 failures$", [multiline, {capture, [1], list}])} of
        {0, {match, [Number]}} when Number =/= "0" -> {comment, Number ++ " tests"};
        _ -> ct:fail("status ~b~n~ts", [Status, Output])
    end.
