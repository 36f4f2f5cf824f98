%% The command backup: copies of the folder of a node that goes on working, and a node on each copy.
-module(backup_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(D, {2023, 12, 19}).
-define(CLIENTS, 6).
-define(BACKUPS, 5).

all() ->
    [backups_under_load, backup_of_an_idle_node, killed_backup_lets_journals_go, interrupted_backup_leaves_nothing,
     node_killed_meanwhile, node_stopped_meanwhile, node_restarted_meanwhile, database_gone_at_the_end,
     target_is_private, errors_are_told, answers_of_other_databases,
     no_room_leaves_nothing, progress_on_terminals_only, command_lines].

init_per_suite(Config) ->
    ok = node_case:distribute(),
    Config.

end_per_suite(_Config) ->
    node_case:clean().

init_per_testcase(_Case, Config) ->
    node_case:seed(),
    [{aside, node_case:folder()} | Config].

end_per_testcase(_Case, _Config) ->
    ok.

env() ->
    [{"TODO_COOKIE", atom_to_list(erlang:get_cookie())}].

%% Exit status, stdout, stderr.
run(Arguments) ->
    run(Arguments, env()).

run(Arguments, Env) ->
    Scratch = node_case:folder(),
    [Out, Err] = [filename:join(Scratch, Name) || Name <- ["out", "err"]],
    Line = "exec \"$0\" \"$@\" >\"$OUT\" 2>\"$ERR\"",
    {Status, []} = node_case:run("/bin/sh", ["-c", Line, node_case:program() | Arguments],
                                 [{"OUT", Out}, {"ERR", Err} | Env]),
    {Status, text(Out), text(Err)}.

text(File) ->
    {ok, Bytes} = file:read_file(File),
    unicode:characters_to_list(Bytes).

name(#{node := Node}) ->
    atom_to_list(Node).

target(Config) ->
    filename:join(?config(aside, Config), node_case:unique("copy")).

backup(Server, Target) ->
    {0, "backup: " ++ Counts, ""} = run(["backup", name(Server), Target]),
    {ok, [Files, Segments, Bytes], "\n"} = io_lib:fread("~d files, ~d journal segments, ~d bytes", Counts),
    {Files, Segments, Bytes}.

names(Folder) ->
    {ok, Names} = file:list_dir_all(Folder),
    lists:sort(Names).

journals(#{folder := Folder}) ->
    filelib:wildcard(".journal-*", Folder).

%% ---- under load

%% Each client has keys of its own and one call on its way: of a key it knows each value that it has had, in order. The
%% copy has to hold the one that was acknowledged when the command began, or a later one.
backups_under_load(Config) ->
    Server = node_case:start(#{folder => many_values(2000), arguments => ["--journal-limit", "1"]}),
    Clients = [spawn_link(fun() -> client(Server, N, rand:uniform(1 bsl 30)) end) || N <- lists:seq(1, ?CLIENTS)],
    [node_case:await(fun() -> map_size(ask(Client, known)) > 3 end) || Client <- Clients],
    Before = journals(Server),
    Taken = [begin
                 Known = [ask(Client, known) || Client <- Clients],
                 Target = target(Config),
                 Counts = backup(Server, Target),
                 node_case:await(fun() -> have_gone_on(Known, [ask(Client, known) || Client <- Clients]) end),
                 ct:pal("~p", [Counts]),
                 {Target, Known}
             end || _ <- lists:seq(1, ?BACKUPS)],
    node_case:await(fun() -> Before -- journals(Server) =:= Before end),
    Histories = [ask(Client, stop) || Client <- Clients],
    Last = [maps:map(fun(_, Values) -> length(Values) end, History) || History <- Histories],
    compare(Server, Last, Histories),
    0 = node_case:stop(Server),
    [begin
         ?assertMatch({0, "", _}, run(["check", Target])),
         Copy = node_case:start(#{folder => Target}),
         compare(Copy, Known, Histories),
         0 = node_case:stop(Copy),
         ?assertMatch({0, "", _}, run(["check", Target]))
     end || {Target, Known} <- Taken].

%% A round of each client at least, so that all of them work while the copy is made.
have_gone_on(Then, Now) ->
    Sum = fun(Known) -> lists:sum(maps:values(Known)) end,
    lists:all(fun({Old, New}) -> Sum(New) > Sum(Old) end, lists:zip(Then, Now)).

compare(Server, Known, Histories) ->
    [[begin
          Values = map_get(Key, History),
          Value = read(Server, Key),
          Allowed = lists:nthtail(Count - 1, lists:reverse(Values)),
          lists:member(Value, Allowed) orelse ct:fail({lost, Key, Count, length(Values), Value})
      end || {Key, Count} <- maps:to_list(Of)]
     || {Of, History} <- lists:zip(Known, Histories)].

read(Server, {list, _} = Key) ->
    Entries = gen_server:call(node_case:list(Server, key(Key)), entries),
    lists:sort([{Id, Title} || #{id := Id, title := Title} <- Entries]);
read(Server, Key) ->
    gen_server:call(node_case:database(Server), {get, key(Key)}).

key({Kind, N}) ->
    iolist_to_binary(io_lib:format("~p ~b", [Kind, N])).

ask(Client, Question) ->
    Monitor = monitor(process, Client),
    Client ! {self(), Question},
    receive
        {Client, Answer} -> demonitor(Monitor, [flush]), Answer;
        {'DOWN', Monitor, process, Client, Reason} -> error({client, Reason})
    after 30000 -> error(no_answer)
    end.

client(Server, N, Seed) ->
    _ = rand:seed(exsss, Seed),
    Histories = maps:from_list([{{list, N * 10 + I}, [[]]} || I <- [1, 2]]
                               ++ [{{value, N * 10 + I}, [nil]} || I <- [1, 2, 3]]),
    work(Server, maps:keys(Histories), Histories).

work(Server, Keys, Histories) ->
    receive
        {From, known} ->
            From ! {self(), maps:map(fun(_, Values) -> length(Values) end, Histories)},
            work(Server, Keys, Histories);
        {From, stop} ->
            From ! {self(), Histories}
    after 0 ->
            Key = lists:nth(rand:uniform(length(Keys)), Keys),
            #{Key := [Value | _] = Values} = Histories,
            work(Server, Keys, Histories#{Key := [change(Server, Key, rand:uniform(20), Value) | Values]})
    end.

%% The value after a change that was acknowledged.
change(Server, {value, _} = Key, N, _) when N < 16 ->
    Value = binary_to_list(rand:bytes(rand:uniform(5000))),
    ok = gen_server:call(node_case:database(Server), {store, key(Key), Value}),
    Value;
change(Server, Key, N, _) when element(1, Key) =:= value; N =:= 1 ->
    ok = gen_server:call(node_case:database(Server), {delete, key(Key)}),
    empty(Key);
change(Server, Key, N, Value) when N < 8; Value =:= [] ->
    Titles = [rand:bytes(rand:uniform(3000)) || _ <- lists:seq(1, rand:uniform(6))],
    {ok, Ids} = gen_server:call(node_case:list(Server, key(Key)),
                                {add_entries, [#{date => ?D, title => Title} || Title <- Titles]}),
    lists:sort(lists:zip(Ids, Titles) ++ Value);
change(Server, Key, N, Value) when N < 14 ->
    Title = rand:bytes(rand:uniform(3000)),
    {ok, Id} = gen_server:call(node_case:list(Server, key(Key)), {add_entry, #{date => ?D, title => Title}}),
    lists:sort([{Id, Title} | Value]);
change(Server, Key, _, Value) ->
    {Id, _} = lists:nth(rand:uniform(length(Value)), Value),
    ok = gen_server:call(node_case:list(Server, key(Key)), {delete_entry, Id}),
    lists:keydelete(Id, 1, Value).

empty({list, _}) -> [];
empty({value, _}) -> nil.

%% ---- one at a time

add(Server, Key, Title) ->
    {ok, _} = gen_server:call(node_case:list(Server, Key), {add_entry, #{date => ?D, title => Title}}),
    ok.

titles(Server, Key) ->
    [Title || #{title := Title} <- gen_server:call(node_case:list(Server, Key), entries)].

%% The copy of a folder without journals is that folder.
backup_of_an_idle_node(Config) ->
    Server = #{folder := Folder} = node_case:start(),
    [ok = add(Server, Key, Key) || Key <- [bob, <<"a/b">>, binary:copy(<<"long">>, 100)]],
    ok = gen_server:call(node_case:database(Server), {store, big, rand:bytes(3000000)}),
    node_case:await(fun() -> journals(Server) =:= [] end),
    ok = file:write_file(filename:join(Folder, ".tmp-77"), "half"),
    ok = file:write_file(filename:join(Folder, "%aside.1.2.bob"), "damaged"),
    ok = file:make_dir(filename:join(Folder, "lost+found")),
    Target = target(Config),
    {5, 0, _} = backup(Server, Target),
    ?assertEqual(names(Folder) -- [".tmp-77", "lost+found"], names(Target)),
    [?assertEqual(file:read_file(filename:join(Folder, Name)), file:read_file(filename:join(Target, Name)))
     || Name <- names(Target)],
    0 = node_case:stop(Server).

%% Copying takes a while.
many_values(Count) ->
    Folder = node_case:folder(),
    [ok = file:write_file(filename:join(Folder, "%i." ++ integer_to_list(N)), term_to_binary(rand:bytes(1000)))
     || N <- lists:seq(1, Count)],
    Folder.

%% A node with so many values that a backup can be caught in the middle.
large(Config) ->
    {node_case:start(#{folder => many_values(4000)}), target(Config)}.

%% A backup that stands still in the middle.
stopped_backup(Server, Target) ->
    Port = open_port({spawn_executable, node_case:program()},
                     [{args, ["backup", name(Server), Target]}, {env, env()}, exit_status, stderr_to_stdout, hide]),
    {os_pid, Pid} = erlang:port_info(Port, os_pid),
    node_case:await(fun() -> filelib:is_dir(Target) end),
    signal("STOP", Pid),
    receive
        {Port, _} = Ended -> error({not_in_the_middle, Ended})
    after 0 ->
            ?assert(length(names(Target)) < 4000),
            {Port, Pid}
    end.

signal(Name, Pid) ->
    [] = os:cmd("kill -" ++ Name ++ " " ++ integer_to_list(Pid)).

status(Port, Output) ->
    receive
        {Port, {data, Data}} -> status(Port, Output ++ Data);
        {Port, {exit_status, Status}} -> {Status, Output}
    after 30000 -> error(still_running)
    end.

killed_backup_lets_journals_go(Config) ->
    {Server = #{folder := Folder}, Target} = large(Config),
    {Port, Pid} = stopped_backup(Server, Target),
    ok = add(Server, bob, a),
    %% The value is in its file, and the journal stays.
    node_case:await(fun() -> filelib:is_regular(filename:join(Folder, "%a.bob")) end),
    ok = add(Server, bob, b),
    ok = gen_server:call(node_case:database(Server), sync),
    ?assertMatch([_ | _], journals(Server)),
    signal("KILL", Pid),
    {137, _} = status(Port, ""),
    node_case:await(fun() -> journals(Server) =:= [] end),
    ?assertEqual([a, b], titles(Server, bob)),
    ?assertMatch({4001, _, _}, backup(Server, target(Config))),
    0 = node_case:stop(Server).

interrupted_backup_leaves_nothing(Config) ->
    {Server, Target} = large(Config),
    {Port, Pid} = stopped_backup(Server, Target),
    signal("TERM", Pid),
    signal("CONT", Pid),
    ?assertEqual({1, "todo_node: " ++ Target ++ ": interrupted: no backup\n"}, status(Port, "")),
    ?assertNot(filelib:is_dir(Target)),
    0 = node_case:stop(Server).

node_killed_meanwhile(Config) ->
    lost(fun(Server) -> 137 = node_case:kill(Server), [] end, Config).

node_stopped_meanwhile(Config) ->
    lost(fun(Server) -> 0 = node_case:stop(Server), [] end, Config).

%% The node that is there again has not held its journals.
node_restarted_meanwhile(Config) ->
    lost(fun(#{folder := Folder, node := Node} = Server) ->
                 137 = node_case:kill(Server),
                 [Name, _] = string:split(atom_to_list(Node), "@"),
                 [node_case:start(#{folder => Folder, name => Name})]
         end, Config).

%% Everything is copied, and only then it shows that nobody is there any more.
database_gone_at_the_end(Config) ->
    Server = #{folder := Folder} = node_case:start(),
    Target = target(Config),
    Parent = self(),
    Database = spawn_link(fun() ->
                                  receive
                                      {'$gen_call', From, {hold_journals, _}} ->
                                          gen_server:reply(From, {ok, list_to_binary(Folder)})
                                  end,
                                  receive {'$gen_call', _, {hold_journals, _}} -> Parent ! filelib:is_dir(Target) end
                          end),
    register('Elixir.Todo.Database', Database),
    Lost = "todo_node: " ++ atom_to_list(node()) ++ ": the connection was lost before the end: no backup\n",
    ?assertEqual({1, "", Lost}, run(["backup", atom_to_list(node()), Target])),
    ?assert(receive Copied -> Copied end),
    ?assertNot(filelib:is_dir(Target)),
    0 = node_case:stop(Server).

%% End: ends the node; the nodes that are to be stopped afterwards.
lost(End, Config) ->
    {Server, Target} = large(Config),
    {Port, Pid} = stopped_backup(Server, Target),
    Left = End(Server),
    signal("CONT", Pid),
    {1, Output} = status(Port, ""),
    ?assertEqual("todo_node: " ++ name(Server) ++ ": the connection was lost before the end: no backup\n", Output),
    ?assertNot(filelib:is_dir(Target)),
    [0 = node_case:stop(Again) || Again <- Left].

target_is_private(Config) ->
    Server = node_case:start(),
    ok = add(Server, bob, a),
    New = filename:join([?config(aside, Config), "some", "where"]),
    Empty = node_case:folder(),
    ok = file:change_mode(Empty, 8#755),
    [begin
         {_, _, _} = backup(Server, Target),
         ?assertEqual(8#700, mode(Target)),
         ?assertMatch([_ | _], names(Target)),
         [?assertEqual(8#600, mode(filename:join(Target, Name))) || Name <- names(Target)]
     end || Target <- [New, Empty]],
    0 = node_case:stop(Server).

mode(Path) ->
    {ok, Info} = file:read_file_info(Path),
    element(8, Info) band 8#777.

errors_are_told(Config) ->
    Server = #{folder := Folder} = node_case:start(),
    ok = add(Server, bob, a),
    Name = name(Server),
    Nobody = node_case:unique("nobody"),
    Target = target(Config),
    Full = node_case:folder(),
    ok = file:make_dir(filename:join(Full, "sub")),
    Link = target(Config),
    ok = file:make_symlink(Folder, Link),
    Inside = filename:join(Folder, "inside"),
    Linked = filename:join(Link, "inside"),
    Cookie = filename:join(Full, "cookie"),
    [?assertEqual({Status, "", lists:flatten("todo_node: " ++ Text ++ "\n")}, run(["backup" | Arguments]))
     || {Status, Arguments, Text} <-
            [{1, [Nobody, Target], Nobody ++ "@" ++ node_case:host() ++ ": no node of this name is running"},
             {2, ["a b", Target], "a b: not a node name (NAME, or NAME@HOST)"},
             {3, [Name, Target, "--cookie-file", Cookie], "cookie: " ++ Cookie ++ ": No such file or directory"},
             {4, [Name, Full], Full ++ ": Directory not empty"},
             {4, [Name, Folder], Folder ++ ": Directory not empty"},
             {4, [Name, Inside], Inside ++ ": is in the node's own folder"},
             {4, [Name, Linked], Linked ++ ": is in the node's own folder"},
             {4, [Name, "/dev/null"], "/dev/null: Not a directory"},
             {4, [Name, "/dev/null/x"], "/dev/null/x: Not a directory"}]],
    ?assertEqual({3, "", "todo_node: " ++ Name ++ ": it does not have our cookie, or wants TLS (--tls-cert)\n"},
                 run(["backup", Name, Target], [{"TODO_COOKIE", "another"}])),
    ?assertNot(filelib:is_file(Target)),
    ?assertNot(filelib:is_file(Inside)),
    ?assertEqual([a], titles(Server, bob)),
    0 = node_case:stop(Server).

%% A node of the same form on another machine, or of another program.
answers_of_other_databases(Config) ->
    Name = atom_to_list(node()),
    Target = target(Config),
    Unused = node_case:folder(),
    NoDatabase = "todo_node: " ++ Name ++ ": it has no database that could be backed up\n",
    NotHere = ": the folder of " ++ Name ++ " is not on this machine: ",
    ?assertEqual({1, "", NoDatabase}, run(["backup", Name, Target])),
    [begin
         Database = spawn_link(fun() -> answer(Answer) end),
         register('Elixir.Todo.Database', Database),
         ?assertEqual({Status, "", Text}, run(["backup", Name, Target])),
         unlink(Database),
         exit(Database, kill),
         node_case:await(fun() -> whereis('Elixir.Todo.Database') =:= undefined end)
     end || {Status, Answer, Text} <-
                [{1, {error, bad_request}, NoDatabase},
                 {1, {ok, "list"}, NoDatabase},
                 {1, {ok, <<"a\0b">>}, NoDatabase},
                 {4, {ok, <<"/not/there">>}, "todo_node: /not/there" ++ NotHere ++ "No such file or directory\n"},
                 {4, {ok, list_to_binary(Unused)}, "todo_node: " ++ Unused ++ NotHere ++ "no node uses it\n"}]],
    ?assertNot(filelib:is_file(Target)).

answer(Answer) ->
    receive {'$gen_call', From, {hold_journals, Pid}} when is_pid(Pid) -> gen_server:reply(From, Answer) end,
    answer(Answer).

%% A file that is larger than the command may write.
no_room_leaves_nothing(Config) ->
    Server = node_case:start(),
    ok = gen_server:call(node_case:database(Server), {store, big, rand:bytes(3000000)}),
    ok = add(Server, bob, a),
    Target = target(Config),
    Line = "trap '' XFSZ; ulimit -f 1000; exec \"$0\" backup \"$1\" \"$2\"",
    {1, Output} = node_case:run("/bin/sh", ["-c", Line, node_case:program(), name(Server), Target], env()),
    ?assertMatch({match, _}, re:run(Output, "^todo_node: " ++ Target ++ "/.*: File too large\n$"), Output),
    ?assertNot(filelib:is_dir(Target)),
    0 = node_case:stop(Server).

progress_on_terminals_only(Config) ->
    Server = node_case:start(),
    ok = add(Server, bob, a),
    node_case:await(fun() -> journals(Server) =:= [] end),
    Line = "\"$PROGRAM\" backup \"$NODE\" \"$TARGET\"",
    Env = [{"PROGRAM", node_case:program()}, {"NODE", name(Server)}, {"TARGET", target(Config)} | env()],
    {0, Output} = node_case:run(os:find_executable("script"), ["-qec", Line, "/dev/null"], Env),
    Expected = "^\rbackup \\[ +\\]   0% 0/1.*\r\e\\[Kbackup: 1 files, ",
    ?assertMatch({match, _}, re:run(Output, Expected, [dotall]), Output),
    0 = node_case:stop(Server).

command_lines(_Config) ->
    Usage = "usage: todo_node backup NODE DIR [--cookie-file FILE] [--net-ticktime SECONDS] "
            "[--tls-cert FILE --tls-key FILE --tls-ca FILE]\n",
    [?assertEqual({2, "", Usage}, run(["backup" | Arguments]))
     || Arguments <- [[], ["a"], ["a", "b", "c"], ["a", "b", "--replace"], ["a", "b", "--cookie-file"],
                      ["a", "b", "--cookie-file", ""], ["a", "b", "--net-ticktime", "0"],
                      ["a", "b", "--net-ticktime", "86401"], ["a", "b", "--net-ticktime", "-1"]]],
    ?assertMatch({2, "", _}, run(["check", "a", "--cookie-file", "b"])),
    ?assertEqual({0, Usage, ""}, run(["backup", "--help"])),
    {0, Help, ""} = run(["--help"]),
    ?assertNotEqual(nomatch, string:find(Help, "todo_node backup NODE DIR")).
