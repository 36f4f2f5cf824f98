%% The commands for operators: check, dump and import, each run as a program; file:consult/1 reads what dump prints, and
%% a node serves what import writes.
-module(tools_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(D, {2023, 12, 19}).
-define(HEAD, "%% -*- coding: utf-8 -*-\n").

all() ->
    [every_type_consults_back, random_terms_consult_back, deep_terms_consult_back, large_terms_consult_back,
     dump_import_node_serves_the_same, dump_of_the_book_imports, dump_of_one_name, dump_leaves_out_what_is_corrupt,
     dump_of_records_without_their_value, dump_of_what_a_start_has_set_aside,
     dump_to_full_disk_is_told, check_of_a_sound_folder, check_tells_every_problem, check_of_damaged_journal,
     live_node_is_left_alone, unusable_folders, killed_node_is_dumped_whole, import_csv, import_bad_csv,
     import_existing_refused_unless_replaced, import_bad_dump_writes_nothing, import_beside_journals_refused,
     import_where_nothing_can_be_written, progress_on_terminals_only, command_lines].

init_per_suite(Config) ->
    ok = node_case:distribute(),
    Config.

end_per_suite(_Config) ->
    node_case:clean().

init_per_testcase(_Case, Config) ->
    node_case:seed(),
    [{folder, node_case:folder()}, {aside, node_case:folder()} | Config].

end_per_testcase(_Case, _Config) ->
    ok.

%% Exit status, stdout, stderr.
run(Arguments) ->
    run(Arguments, node_case:folder()).

run(Arguments, Scratch) ->
    [Out, Err] = [filename:join(Scratch, Name) || Name <- ["out", "err"]],
    Line = "exec \"$0\" \"$@\" >\"$OUT\" 2>\"$ERR\"",
    Env = [{"OUT", Out}, {"ERR", Err}],
    {Status, []} = node_case:run("/bin/sh", ["-c", Line, node_case:program() | Arguments], Env),
    {Status, text(Out), text(Err)}.

text(File) ->
    {ok, Bytes} = file:read_file(File),
    unicode:characters_to_list(Bytes).

lines(Text) ->
    lists:sort(string:lexemes(Text, "\n")).

%% The terms that consult reads from a dump, and the file that holds it.
dump(Folder, Scratch) ->
    {0, "", true} = case run(["dump", Folder], Scratch) of
                        {Status, Out, Err} -> {Status, Err, lists:prefix(?HEAD, Out)}
                    end,
    File = filename:join(Scratch, "out"),
    {ok, Terms} = file:consult(File),
    {Terms, File}.

import(Folder, File) ->
    run(["import", Folder, File]).

write(Folder, Name, Bytes) ->
    ok = file:write_file(filename:join(Folder, Name), Bytes).

write_terms(Folder, Terms) ->
    [write(Folder, "%i." ++ integer_to_list(N), term_to_binary(Term)) || {N, Term} <- lists:enumerate(Terms)].

content(Folder) ->
    {ok, Names} = file:list_dir_all(Folder),
    [{Name, element(2, file:read_file(filename:join(Folder, Name)))} || Name <- lists:sort(Names)].

%% What dump writes in place of a term that has no text.
restore({'$external', Bytes}) -> binary_to_term(Bytes);
restore(Tuple) when is_tuple(Tuple) -> list_to_tuple(restore(tuple_to_list(Tuple)));
restore([Head | Tail]) -> [restore(Head) | restore(Tail)];
restore(Map) when is_map(Map) -> maps:from_list([{restore(K), restore(V)} || {K, V} <- maps:to_list(Map)]);
restore(Term) -> Term.

%% Terms as values of 1, 2, ...: dumped, consulted, imported.
there_and_back(Terms, Restore, Config) ->
    Folder = ?config(folder, Config),
    write_terms(Folder, Terms),
    {Dumped, File} = dump(Folder, ?config(aside, Config)),
    Values = maps:from_list([{Key, Restore(Value)} || {value, Key, Value} <- Dumped]),
    ?assertEqual(length(Terms), map_size(Values)),
    New = node_case:folder(),
    ?assertMatch({0, "", _}, import(New, File)),
    [begin
         Term =:= map_get(N, Values) orelse ct:fail({consulted, Term, map_get(N, Values)}),
         {ok, Bytes} = file:read_file(filename:join(New, "%i." ++ integer_to_list(N))),
         Term =:= binary_to_term(Bytes) orelse ct:fail({imported, Term, binary_to_term(Bytes)})
     end || {N, Term} <- lists:enumerate(Terms)].

every_type_consults_back(Config) ->
    Numbers = [0, 255, 256, -1, 1 bsl 31, -(1 bsl 31) - 1, 1 bsl 63 - 1, 1 bsl 63, -(1 bsl 63), -(1 bsl 63) - 1,
               1 bsl 64, 1 bsl 3000, -(1 bsl 3000), 1.0, 1.5, -0.0, 0.1, 1.0e22, 1.0e-7, 1.7976931348623157e308,
               2.2250738585072014e-308, 5.0e-324],
    Atoms = [a, '', 'end', 'maybe', 'A', 'a b', 'it\'s', '\n\e\x7f', 'Å', '☃', list_to_atom([16#FFFE]), '$external'],
    Lists = [[], [a], "string", "a\"\\b\n", [0], [233], "Å☃", lists:duplicate(65535, 1), lists:duplicate(65536, 1),
             [1 | 2], [a, b | c], [$a | "bc"], [[[]], [] | {}]],
    Binaries = [<<>>, <<"binary">>, <<"\"\\\t\r\n'">>, <<"Grüße ☃"/utf8>>, <<233>>, <<0>>, <<127>>, <<239, 191, 191>>,
                <<"\x{FEFF}"/utf8>>, <<"a\x{2028}b"/utf8>>, <<"\x{85}"/utf8>>, <<"\x{202E}"/utf8>>, <<1:1>>, <<5:7>>,
                <<1, 2:3>>],
    Others = [make_ref(), self(), hd(erlang:ports()), fun lists:map/2, fun 'A':'b c'/3, fun() -> 1 end, {}, {a},
              list_to_tuple(lists:seq(1, 300)), #{}, #{a => 1}, #{#{} => #{}}, #{date => ?D},
              maps:from_list([{N, N} || N <- lists:seq(1, 100)]),
              #{1 => int, 1.0 => float, "1" => list, <<"1">> => binary, '1' => atom, {1} => tuple, #{} => map}],
    External = [{'$external', <<131, 106>>}, {'$external', 1}, {'$external', self()}, {'$external'},
                {'$external', a, b}],
    there_and_back(Numbers ++ Atoms ++ Lists ++ Binaries ++ Others ++ External, fun restore/1, Config).

random_terms_consult_back(Config) ->
    there_and_back([random_terms:term() || _ <- lists:seq(1, 3000)], fun restore/1, Config).

nest(Wrap, Depth) ->
    lists:foldl(fun(_, Term) -> Wrap(Term) end, bottom, lists:seq(1, Depth)).

deep_terms_consult_back(Config) ->
    Wraps = [fun(T) -> [T] end, fun(T) -> {T} end, fun(T) -> #{x => T} end, fun(T) -> #{T => x} end,
             fun(T) -> [a | T] end],
    Deepest = nest(hd(Wraps), 131072 + 16 - 1),
    there_and_back([Deepest | [nest(Wrap, 100000) || Wrap <- Wraps]], fun(Term) -> Term end, Config).

large_terms_consult_back(Config) ->
    there_and_back([rand:bytes(300000), binary:copy(<<"text☃"/utf8>>, 50000), lists:seq(1, 100000), rand:bytes(20000),
                    maps:from_list([{N, integer_to_binary(N)} || N <- lists:seq(1, 20000)])],
                   fun(Term) -> Term end, Config).

%% ---- nodes

keys() ->
    [<<"bob">>, bob, "bob", 7, -(1 bsl 70), <<"a/b">>, <<>>, [<<"io">>, $x], 'Grüße', binary:copy(<<"long">>, 100),
     lists:duplicate(300, $l), <<"other">>].

fill(Server) ->
    [begin
         List = node_case:list(Server, Key),
         {ok, _} = gen_server:call(List, {add_entries, [#{date => ?D, title => T} || T <- [a, <<"b">>, "c"]]}),
         ok = gen_server:call(List, {update_entry, 2, #{date => ?D, title => <<"ü"/utf8>>, who => self()}}),
         ok = gen_server:call(List, {delete_entry, 3})
     end || Key <- keys()],
    Database = node_case:database(Server),
    [ok = gen_server:call(Database, {store, value(N), {N, make_ref()}}) || N <- lists:seq(1, 20)],
    ok = gen_server:call(Database, {delete, value(7)}).

value(N) ->
    <<"value ", (integer_to_binary(N))/binary>>.

%% All that a node serves.
served(Folder) ->
    Server = node_case:start(#{folder => Folder}),
    Database = node_case:database(Server),
    Keys = lists:sort(gen_server:call(Database, keys)),
    Entries = [gen_server:call(node_case:list(Server, Key), entries) || Key <- keys()],
    Values = [gen_server:call(Database, {get, Key}) || Key <- Keys],
    Next = [gen_server:call(node_case:list(Server, Key), {add_entry, #{date => ?D}}) || Key <- keys()],
    0 = node_case:stop(Server),
    {Keys, Entries, Values, Next}.

dump_import_node_serves_the_same(Config) ->
    Folder = ?config(folder, Config),
    Server = node_case:start(#{folder => Folder}),
    ok = fill(Server),
    0 = node_case:stop(Server),
    ?assertMatch({0, "", _}, run(["check", Folder])),
    {_, File} = dump(Folder, ?config(aside, Config)),
    New = filename:join(node_case:folder(), "new"),
    ?assertMatch({0, "", "import: 31 values of 31\n"}, import(New, File)),
    ?assertEqual(content(Folder), content(New)),
    ?assertEqual(served(Folder), served(New)).

%% Acknowledged and only in journals: dumped, and imported as a start would have recovered it.
killed_node_is_dumped_whole(Config) ->
    Folder = ?config(folder, Config),
    First = node_case:start(#{folder => Folder}),
    ok = fill(First),
    0 = node_case:stop(First),
    Second = node_case:start(#{folder => Folder}),
    ok = fill(Second),
    ok = gen_server:call(node_case:database(Second), {store, <<"bob">>, no_list}),
    137 = node_case:kill(Second),
    Before = content(Folder),
    {Status, Out, Summary} = run(["check", Folder]),
    ?assertEqual({0, ""}, {Status, Out}),
    ?assertEqual(nomatch, re:run(Summary, " 0 records in 0 "), Summary),
    {Dumped, File} = dump(Folder, ?config(aside, Config)),
    ?assertEqual(Before, content(Folder)),
    Lsns = [Lsn || {record, Lsn, _, _} <- Dumped],
    ?assertEqual(lists:usort(Lsns), Lsns),
    ?assertMatch([_ | _], [Id || {record, _, bob, {add, Id, [#{title := a} | _]}} <- Dumped]),
    ?assertEqual([], lists:last([Change || {record, _, <<"value 7">>, Change} <- Dumped])),
    New = node_case:folder(),
    ?assertMatch({0, "", _}, import(New, File)),
    ?assertEqual(served_values(Folder), served_values(New)).

served_values(Folder) ->
    Server = node_case:start(#{folder => Folder}),
    Database = node_case:database(Server),
    Keys = lists:sort(gen_server:call(Database, keys)),
    Values = [{Key, gen_server:call(Database, {get, Key})} || Key <- Keys],
    0 = node_case:stop(Server),
    Values.

live_node_is_left_alone(Config) ->
    Folder = ?config(folder, Config),
    Server = node_case:start(#{folder => Folder}),
    {ok, 1} = gen_server:call(node_case:list(Server, bob), {add_entry, #{date => ?D}}),
    write(?config(aside, Config), "x.csv", "2023-12-19,x\n"),
    [?assertEqual({4, "", "todo_node: " ++ Folder ++ ": another node uses the folder\n"}, run(Arguments))
     || Arguments <- [["check", Folder], ["dump", Folder],
                      ["import", Folder, filename:join(?config(aside, Config), "x.csv")]]],
    {ok, 2} = gen_server:call(node_case:list(Server, bob), {add_entry, #{date => ?D}}),
    0 = node_case:stop(Server),
    ?assertMatch({0, "", _}, run(["check", Folder])).

%% ---- dump

book(Entries) ->
    term_to_binary(#{'__struct__' => 'Elixir.Todo.List', auto_id => map_size(Entries) + 1, entries => Entries}).

dump_of_the_book_imports(Config) ->
    Folder = ?config(folder, Config),
    Entries = maps:from_list([{N, #{id => N, date => ?D, title => integer_to_binary(N)}} || N <- lists:seq(1, 100)]),
    write(Folder, "bob", book(Entries)),
    write(Folder, "packed", term_to_binary(lists:duplicate(1000, a), [compressed])),
    ?assertMatch({0, "", "check: 2 values, " ++ _}, run(["check", Folder])),
    {Dumped, File} = dump(Folder, ?config(aside, Config)),
    ?assertEqual([{value, <<"bob">>, binary_to_term(book(Entries))}, {value, <<"packed">>, lists:duplicate(1000, a)}],
                 Dumped),
    New = node_case:folder(),
    ?assertMatch({0, "", _}, import(New, File)),
    Server = node_case:start(#{folder => New}),
    Bob = node_case:list(Server, <<"bob">>),
    ?assertEqual([map_get(N, Entries) || N <- lists:seq(1, 100)], gen_server:call(Bob, entries)),
    ?assertEqual({ok, 101}, gen_server:call(Bob, {add_entry, #{date => ?D}})),
    0 = node_case:stop(Server).

dump_of_one_name(Config) ->
    Folder = ?config(folder, Config),
    [write(Folder, Name, term_to_binary(Name)) || Name <- ["bob", "%a.bob", "bo"]],
    ?assertEqual({0, ?HEAD ++ "{value,<<\"bob\">>,\"bob\"}.\n", ""}, run(["dump", Folder, "bob"])),
    ?assertEqual({0, ?HEAD ++ "{value,bob,\"%a.bob\"}.\n", ""}, run(["dump", Folder, "%a.bob"])),
    ?assertMatch({1, ?HEAD, "b: there is no such file" ++ _}, run(["dump", Folder, "b"])).

dump_leaves_out_what_is_corrupt(Config) ->
    Folder = ?config(folder, Config),
    write(Folder, "bob", term_to_binary(1)),
    write(Folder, "empty", ""),
    write(Folder, "tail", [term_to_binary(2), 0]),
    {1, Out, Err} = run(["dump", Folder]),
    ?assertEqual(?HEAD ++ "{value,<<\"bob\">>,1}.\n{value,<<\"tail\">>,2}.\n", Out),
    ?assertEqual(["empty: left out: the file is empty", "tail: offset 3: bytes behind the value"], lines(Err)).

%% Made of nothing, the records would be another list.
dump_of_records_without_their_value(Config) ->
    Folder = ?config(folder, Config),
    First = node_case:start(#{folder => Folder}),
    [{ok, 1} = gen_server:call(node_case:list(First, Key), {add_entry, #{date => ?D}}) || Key <- [bob, amy]],
    0 = node_case:stop(First),
    Second = node_case:start(#{folder => Folder}),
    [{ok, 2} = gen_server:call(node_case:list(Second, Key), {add_entry, #{date => ?D}}) || Key <- [bob, amy]],
    137 = node_case:kill(Second),
    write(Folder, "%a.bob", "damaged"),
    {1, Out, Err} = run(["dump", Folder]),
    ?assertEqual("%a.bob: left out: not a valid external term\n", Err),
    ?assertMatch({match, _}, re:run(Out, "^%% {record,[0-9]+,bob,{add,2,", [multiline]), Out),
    ?assertMatch({match, _}, re:run(Out, "^{record,[0-9]+,amy,{add,2,", [multiline]), Out).

%% As docs/operations.md says.
dump_of_what_a_start_has_set_aside(Config) ->
    Folder = ?config(folder, Config),
    write(Folder, "%a.bob", book(#{})),
    First = node_case:start(#{folder => Folder}),
    {ok, 1} = gen_server:call(node_case:list(First, bob), {add_entry, #{date => ?D}}),
    137 = node_case:kill(First),
    write(Folder, "%a.bob", "damaged"),
    0 = node_case:stop(node_case:start(#{folder => Folder})),
    [Aside] = filelib:wildcard("%aside.*..records-%a.bob", Folder),
    ?assertMatch({1, "%a.bob: not a valid external term\n", _}, run(["check", Folder])),
    {ok, _} = file:copy(filename:join(Folder, Aside), filename:join(?config(aside, Config), ".journal-0-0")),
    {[{record, _, bob, {add, 1, [#{date := ?D}]}}], _} = dump(?config(aside, Config), node_case:folder()).

dump_to_full_disk_is_told(Config) ->
    write(?config(folder, Config), "bob", term_to_binary(rand:bytes(100000))),
    Arguments = ["-c", "exec \"$0\" dump \"$1\" >/dev/full", node_case:program(), ?config(folder, Config)],
    {1, Output} = node_case:run("/bin/sh", Arguments, []),
    ?assertEqual("stdout: cannot be written\n", Output).

%% ---- check

check_of_a_sound_folder(Config) ->
    Folder = ?config(folder, Config),
    write(Folder, "bob", term_to_binary(1)),
    write(Folder, ".gitkeep", ""),
    write(Folder, ".tmp-7", "half"),
    write(Folder, "%aside.1.2.bob", "damaged"),
    Before = content(Folder),
    ?assertEqual({0, "", "check: 1 values, 0 records in 0 journal segments (0 torn), 1 set aside, 0 problems\n"},
                 run(["check", Folder])),
    ?assertEqual(Before, content(Folder)).

check_tells_every_problem(Config) ->
    Folder = ?config(folder, Config),
    Long = "aaa" ++ lists:duplicate(186, $a) ++ "%#" ++ lists:duplicate(64, $0),
    Files = [{"empty", "", "the file is empty"},
             {"foreign%", "x", "no key has a file of this name"},
             {"line\nbreak", "x", "no key has a file of this name"},
             {"cut", binary:part(term_to_binary(<<"value">>), 0, 8), "the bytes end too early"},
             {"text", "hello", "not a valid external term"},
             {"twice", <<131, 116, 2:32, 97, 1, 97, 1, 97, 1, 97, 2>>, "a map has two equal keys"},
             {"tail", [term_to_binary(1), "tail"], "offset 3: bytes behind the value"},
             {"nolist", term_to_binary(#{'__struct__' => 'Elixir.Todo.List', next_id => 0, entries => #{}}),
              "it says it is a to-do list, and is none"},
             {Long, term_to_binary(1), "its key is missing behind the value"},
             {"bob", term_to_binary(1), none}],
    [write(Folder, Name, Bytes) || {Name, Bytes, _} <- Files],
    write(Folder, ".journal-x", ""),
    Before = content(Folder),
    {1, Out, Summary} = run(["check", Folder]),
    Shown = fun(Name) -> [case C of $\n -> $?; _ -> C end || C <- Name] end,
    ?assertEqual(lists:sort([".journal-x: no journal has a file of this name"
                             | [Shown(Name) ++ ": " ++ Text || {Name, _, Text} <- Files, Text =/= none]]), lines(Out)),
    ?assertEqual("check: 10 values, 0 records in 0 journal segments (0 torn), 0 set aside, 10 problems\n", Summary),
    ?assertEqual(Before, content(Folder)).

journals(Folder) ->
    filelib:wildcard(".journal-*", Folder).

%% A byte in the middle of records that were durable; then one in a head; then another version.
check_of_damaged_journal(Config) ->
    Folder = ?config(folder, Config),
    Server = node_case:start(#{folder => Folder, arguments => ["--workers", "1"]}),
    Bob = node_case:list(Server, bob),
    [{ok, N} = gen_server:call(Bob, {add_entry, #{date => ?D, title => <<"title">>}}) || N <- lists:seq(1, 10)],
    137 = node_case:kill(Server),
    [Name] = journals(Folder),
    File = filename:join(Folder, Name),
    {ok, Bytes} = file:read_file(File),
    {match, Found} = re:run(Bytes, "title.....title", [global, dotall]),
    Titles = [Place || [{Place, _}] <- Found],
    At = lists:nth(length(Titles) div 2, Titles),
    change_byte(File, Bytes, At),
    {1, Damaged, _} = run(["check", Folder]),
    Expected = "^" ++ Name ++ ": offset [0-9]+: a record that was durable is damaged\n$",
    ?assertMatch({match, _}, re:run(Damaged, Expected), Damaged),
    change_byte(File, Bytes, 20),
    ?assertMatch({1, _, _}, run(["check", Folder])),
    change_byte(File, Bytes, 0),
    {1, Head, _} = run(["check", Folder]),
    ?assertEqual(Name ++ ": offset 0: the head is damaged\n", Head),
    ok = file:write_file(File, binary:part(Bytes, 0, lists:last(Titles))),
    ?assertMatch({0, "", "check: 0 values, 9 records in 1 journal segments (1 torn)" ++ _}, run(["check", Folder])),
    ok = file:write_file(File, Bytes),
    ?assertMatch({0, "", "check: 0 values, 10 records in 1 journal segments (0 torn)" ++ _}, run(["check", Folder])).

change_byte(File, Bytes, At) ->
    <<Before:At/binary, Byte, Behind/binary>> = Bytes,
    ok = file:write_file(File, [Before, Byte bxor 1, Behind]).

unusable_folders(Config) ->
    write(?config(folder, Config), "bob", term_to_binary(1)),
    write(?config(aside, Config), "x.csv", "2023-12-19,x\n"),
    File = filename:join(?config(folder, Config), "bob"),
    Missing = filename:join(?config(folder, Config), "missing"),
    [?assertMatch({4, "", "todo_node: " ++ _}, run(Arguments))
     || Arguments <- [["check", Missing], ["dump", Missing], ["check", File], ["dump", File],
                      ["import", File, filename:join(?config(aside, Config), "x.csv")]]],
    ?assertEqual([{"bob", term_to_binary(1)}], content(?config(folder, Config))).

%% ---- import

csv(Name, Text, Config) ->
    write(?config(aside, Config), Name, unicode:characters_to_binary(Text)),
    filename:join(?config(aside, Config), Name).

date(Y, M, D) ->
    #{'__struct__' => 'Elixir.Date', calendar => 'Elixir.Calendar.ISO', year => Y, month => M, day => D}.

import_csv(Config) ->
    Folder = filename:join([?config(folder, Config), "made", "here"]),
    File = csv("to do.csv", "2023-12-19,Dentist\n2023-12-20,Shopping, Grüße\r\n", Config),
    ?assertEqual({0, "", "import: 1 values of 1\n"}, import(Folder, File)),
    Other = csv("x.txt", "2024-02-29,x", Config),
    ?assertEqual({0, "", "import: 1 values of 1\n"}, run(["import", "--list", "a/b", Folder, Other])),
    Server = node_case:start(#{folder => Folder}),
    List = node_case:list(Server, <<"to do">>),
    ?assertEqual([#{id => 1, date => date(2023, 12, 19), title => <<"Dentist">>},
                  #{id => 2, date => date(2023, 12, 20), title => <<"Shopping, Grüße"/utf8>>}],
                 gen_server:call(List, entries)),
    ?assertMatch([#{id := 2}], gen_server:call(List, {entries, date(2023, 12, 20)})),
    ?assertMatch([#{id := 1}], gen_server:call(node_case:list(Server, <<"a/b">>), {entries, date(2024, 2, 29)})),
    ?assertEqual({ok, 3}, gen_server:call(List, {add_entry, #{date => ?D}})),
    0 = node_case:stop(Server).

import_bad_csv(Config) ->
    Folder = filename:join(?config(folder, Config), "none"),
    File = csv("x.csv", "2023-12-19,a\n2023-02-30,b\n", Config),
    ?assertEqual({1, "", File ++ ": line 2: a date is expected at its beginning: YYYY-MM-DD\n"}, import(Folder, File)),
    ?assertMatch({1, "", _}, import(Folder, File ++ "x")),
    ?assertNot(filelib:is_dir(Folder)).

import_existing_refused_unless_replaced(Config) ->
    Folder = ?config(folder, Config),
    [write(Folder, Name, term_to_binary(old)) || Name <- ["%a.a", "%a.c", "%a.d"]],
    File = csv("dump", "{value,a,new}.\n{value,b,new}.\n{value,c,new}.\n", Config),
    {1, "", Err} = import(Folder, File),
    ?assertEqual(["%a.a: is there already (--replace replaces it)", "%a.c: is there already (--replace replaces it)",
                  "import: 0 values of 3"], lines(Err)),
    ?assertEqual([{Name, term_to_binary(old)} || Name <- ["%a.a", "%a.c", "%a.d"]], content(Folder)),
    ?assertEqual({0, "", "import: 3 values of 3\n"}, run(["import", Folder, File, "--replace"])),
    ?assertEqual([{"%a.a", new}, {"%a.b", new}, {"%a.c", new}, {"%a.d", old}],
                 [{Name, binary_to_term(Bytes)} || {Name, Bytes} <- content(Folder)]).

import_bad_dump_writes_nothing(Config) ->
    Folder = filename:join(?config(folder, Config), "none"),
    Lines = [{"{value,b,[1}.", ", | or ] is expected here"},
             {"{value,b,1}", "a full stop is expected here"},
             {"{value,a,2}.", "a value of this key was there before"},
             {"{value,#{},1}.", "no key: a binary, an atom, an integer or a list of bytes and binaries"},
             {"b.", "neither {value, Key, Value} nor {record, Lsn, Key, Change}"},
             {"{record,1,a,{delete,1}}.", "the changes up to here cannot be made in what was there before"}],
    [begin
         File = csv("dump", ["{value,a,1}.\n", Text], Config),
         ?assertEqual({1, "", File ++ ": line 2: " ++ Error ++ "\n"}, import(Folder, File))
     end || {Text, Error} <- Lines],
    ?assertNot(filelib:is_dir(Folder)).

%% They would undo the import at the next start.
import_beside_journals_refused(Config) ->
    Folder = ?config(folder, Config),
    Server = node_case:start(#{folder => Folder}),
    {ok, 1} = gen_server:call(node_case:list(Server, bob), {add_entry, #{date => ?D}}),
    137 = node_case:kill(Server),
    File = csv("x.csv", "2023-12-19,x\n", Config),
    {4, "", Err} = import(Folder, File),
    ?assertEqual(Folder ++ ": holds journals: start a node on it and stop it, then import\n", Err),
    0 = node_case:stop(node_case:start(#{folder => Folder})),
    ?assertMatch({0, "", _}, import(Folder, File)),
    ?assertMatch(["%a.bob", "x"], [Name || {Name, _} <- content(Folder)]).

%% A folder where a file should be: the others of its round are not left behind half done.
import_where_nothing_can_be_written(Config) ->
    Folder = ?config(folder, Config),
    ok = file:make_dir(filename:join(Folder, "%a.b")),
    File = csv("dump", "{value,b,new}.\n", Config),
    {1, "", Err} = import(Folder, File),
    ?assertMatch([_, "import: 0 values of 1"], lines(Err)),
    ?assertEqual(["%a.b"], element(2, file:list_dir_all(Folder))).

%% ---- the rest

progress_on_terminals_only(Config) ->
    write(?config(folder, Config), "bob", term_to_binary(1)),
    Line = "\"$PROGRAM\" check \"$FOLDER\"",
    Env = [{"PROGRAM", node_case:program()}, {"FOLDER", ?config(folder, Config)}],
    {0, Output} = node_case:run(os:find_executable("script"), ["-qec", Line, "/dev/null"], Env),
    ?assertMatch({match, _}, re:run(Output, "^\rcheck \\[ +\\]   0% 0/1.*\r\e\\[Kcheck: 1 values", [dotall])),
    {0, "", Summary} = run(["check", ?config(folder, Config)]),
    ?assertEqual(nomatch, string:find(Summary, "\r")).

command_lines(_Config) ->
    [?assertMatch({2, "", "usage: todo_node " ++ _}, run(Arguments))
     || Arguments <- [["check"], ["check", "a", "b"], ["check", "--replace", "a"], ["dump"], ["dump", "a", "b", "c"],
                      ["import", "a"], ["import", "a", "b", "--list"], ["import", "a", "b", "--list", ""],
                      ["import", "a", "b", "--nonsense"]]],
    ?assertMatch({2, "", "todo_node: no such command: chekc" ++ _}, run(["chekc", "a"])),
    [?assertEqual({0, "usage: todo_node " ++ Usage ++ "\n", ""}, run([Command, "--help"]))
     || {Command, Usage} <- [{"check", "check DIR"}, {"dump", "dump DIR [NAME]"},
                             {"import", "import DIR FILE [--replace] [--list NAME]"}]],
    {0, Help, ""} = run(["--help"]),
    [?assertNotEqual(nomatch, string:find(Help, "todo_node " ++ Command)) || Command <- ["check", "dump", "import"]].
