%% What is on disk: restart, crash of a list and of a worker, hostile names, corrupt files, folders of other programs.
-module(disk_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(D, {2023, 12, 19}).

all() ->
    [restart_keeps_everything, kill_9_keeps_what_was_acknowledged, killed_list_comes_back,
     killed_worker_loses_nothing, stopped_cache_ends_lists, files_are_terms_of_the_book,
     folder_of_the_book_is_served, older_forms_are_read, hostile_names_stay_inside, name_of_every_byte,
     corrupt_files_are_told_and_kept, bomb_is_too_large, corrupt_file_mended_is_read, set_aside_begins_anew, odd_files_hurt_nobody,
     folder_unwritable_is_told, folder_removed_and_back, database_get_store_delete_keys,
     database_store_of_a_live_list, choose_worker_is_phash2, clean_stop_leaves_value_files_only,
     second_node_in_folder_refuses, changed_worker_count, expired_list_comes_back, compressed_file_is_read].

end_per_suite(_Config) ->
    node_case:clean().

init_per_suite(Config) ->
    Config.

init_per_testcase(_Case, Config) ->
    node_case:distribute(),
    Config.

end_per_testcase(_Case, _Config) ->
    ok.

add(Pid, Title) ->
    {ok, Id} = gen_server:call(Pid, {add_entry, #{date => ?D, title => Title}}),
    Id.

titles(Pid) ->
    [Title || #{title := Title} <- gen_server:call(Pid, {entries, ?D})].

file(#{folder := Folder}, Name) ->
    filename:join(Folder, Name).

%% A value is in its file when the node has been idle for a moment.
value(Server, Name) ->
    node_case:await(fun() -> filelib:is_regular(file(Server, Name)) end),
    {ok, Bytes} = file:read_file(file(Server, Name)),
    binary_to_term(Bytes).

names(Folder) ->
    {ok, Names} = file:list_dir_all(Folder),
    lists:sort(Names).

restart_keeps_everything(_Config) ->
    First = node_case:start(),
    Bob = node_case:list(First, <<"bob">>),
    [1, 2, 3] = [add(Bob, T) || T <- [a, b, c]],
    ok = gen_server:call(Bob, {delete_entry, 3}),
    ok = gen_server:cast(Bob, {update_entry, 1, #{date => ?D, title => z}}),
    0 = node_case:stop(First),
    Second = node_case:start(maps:with([folder], First)),
    Again = node_case:list(Second, <<"bob">>),
    ?assertEqual([z, b], titles(Again)),
    ?assertEqual(4, add(Again, d)),
    0 = node_case:stop(Second).

kill_9_keeps_what_was_acknowledged(_Config) ->
    node_case:seed(),
    First = node_case:start(),
    Lists = [{Name, node_case:list(First, Name)} || Name <- [a, <<"b">>, "c", 4]],
    Self = self(),
    Writers = [spawn(fun() -> write_until_down(Self, Pid, []) end) || {_, Pid} <- Lists],
    [receive {Writer, enough} -> ok end || Writer <- Writers],
    137 = node_case:kill(First),
    Acknowledged = [receive {Writer, Ids} -> Ids end || Writer <- Writers],
    Second = node_case:start(maps:with([folder], First)),
    [begin
         Found = [Id || #{id := Id} <- gen_server:call(node_case:list(Second, Name), entries)],
         ?assertEqual([], Ids -- Found)
     end || {{Name, _}, Ids} <- lists:zip(Lists, Acknowledged)],
    0 = node_case:stop(Second).

write_until_down(Parent, Pid, Ids) ->
    length(Ids) =:= 20 andalso (Parent ! {self(), enough}),
    try gen_server:call(Pid, {add_entry, #{date => ?D}}) of
        {ok, Id} -> write_until_down(Parent, Pid, [Id | Ids])
    catch
        exit:_ -> Parent ! {self(), Ids}
    end.

killed_list_comes_back(_Config) ->
    Server = node_case:start(),
    Bob = node_case:list(Server, <<"bob">>),
    1 = add(Bob, a),
    ok = gen_server:cast(Bob, {add_entry, #{date => ?D, title => b}}),
    Monitor = monitor(process, Bob),
    exit(Bob, kill),
    ?assertEqual(killed, node_case:down(Monitor, Bob)),
    New = node_case:list(Server, <<"bob">>),
    ?assertNotEqual(Bob, New),
    ?assertEqual([a, b], titles(New)),
    ?assertExit({noproc, _}, gen_server:call(Bob, size)),
    0 = node_case:stop(Server).

killed_worker_loses_nothing(_Config) ->
    Server = node_case:start(),
    Database = node_case:database(Server),
    Keys = lists:seq(1, 30),
    [ok = gen_server:call(Database, {store, Key, {value, Key}}) || Key <- Keys],
    Workers = lists:usort([gen_server:call(Database, {choose_worker, Key}) || Key <- Keys]),
    ?assertEqual(3, length(Workers)),
    Victim = gen_server:call(Database, {choose_worker, 1}),
    Monitor = monitor(process, Victim),
    exit(Victim, kill),
    killed = node_case:down(Monitor, Victim),
    New = gen_server:call(Database, {choose_worker, 1}),
    ?assert(is_pid(New)),
    ?assertNotEqual(Victim, New),
    ?assertEqual({value, 1}, gen_server:call(New, {get, 1})),
    [?assertEqual({value, Key}, gen_server:call(Database, {get, Key})) || Key <- Keys],
    0 = node_case:stop(Server).

%% Stopping the cache ends the lists first: there are never two servers for one name.
stopped_cache_ends_lists(_Config) ->
    Server = node_case:start(),
    Bob = node_case:list(Server, <<"bob">>),
    1 = add(Bob, a),
    Monitor = monitor(process, Bob),
    ok = gen_server:stop(node_case:cache(Server)),
    ?assertEqual(shutdown, node_case:down(Monitor, Bob)),
    New = node_case:list(Server, <<"bob">>),
    ?assertNotEqual(Bob, New),
    ?assertEqual([a], titles(New)),
    0 = node_case:stop(Server).

files_are_terms_of_the_book(_Config) ->
    Server = node_case:start(),
    Bob = node_case:list(Server, <<"bob">>),
    1 = add(Bob, <<"Dentist">>),
    ?assertEqual(#{'__struct__' => 'Elixir.Todo.List', next_id => 2,
                   entries => #{1 => #{date => ?D, title => <<"Dentist">>, id => 1}}}, value(Server, "bob")),
    0 = node_case:stop(Server),
    Term = value(Server, "bob"),
    {ok, Bytes} = file:read_file(file(Server, "bob")),
    ?assertEqual(term_to_binary(Term, [deterministic, {minor_version, 2}]), Bytes).

book_list(Entries) ->
    Numbered = lists:zip(lists:seq(1, length(Entries)), Entries),
    #{'__struct__' => 'Elixir.Todo.List', next_id => length(Entries) + 1,
      entries => maps:from_list([{Id, E#{id => Id}} || {Id, E} <- Numbered])}.

%% A folder written with term_to_binary in the book's shape; entries without a date were possible there.
folder_of_the_book_is_served(_Config) ->
    Folder = node_case:folder(),
    Entries = [#{date => ?D, title => T} || T <- lists:seq(1, 100)],
    ok = file:write_file(filename:join(Folder, "bob"), term_to_binary(book_list(Entries))),
    ok = file:write_file(filename:join(Folder, "alice"), term_to_binary(book_list([#{title => lost}]))),
    Server = node_case:start(#{folder => Folder}),
    Bob = node_case:list(Server, <<"bob">>),
    ?assertEqual(lists:seq(1, 100), titles(Bob)),
    ?assertEqual(101, add(Bob, new)),
    Alice = node_case:list(Server, <<"alice">>),
    ?assertEqual([#{title => lost, id => 1}], gen_server:call(Alice, entries)),
    ?assertEqual([], gen_server:call(Alice, {entries, ?D})),
    ?assertEqual([<<"alice">>, <<"bob">>], lists:sort(gen_server:call(node_case:database(Server), keys))),
    0 = node_case:stop(Server).

older_forms_are_read(_Config) ->
    Folder = node_case:folder(),
    Old = #{'__struct__' => 'Elixir.Todo.List', auto_id => 3, entries => #{1 => #{date => ?D, title => a, id => 1}}},
    ok = file:write_file(filename:join(Folder, "bob"), term_to_binary(Old)),
    ok = file:write_file(filename:join(Folder, "alice"), term_to_binary(Old, [{minor_version, 1}])),
    Server = node_case:start(#{folder => Folder}),
    [begin
         Pid = node_case:list(Server, Name),
         ?assertEqual([a], titles(Pid)),
         ?assertEqual(3, add(Pid, b))
     end || Name <- [<<"bob">>, <<"alice">>]],
    0 = node_case:stop(Server).

compressed_file_is_read(_Config) ->
    Folder = node_case:folder(),
    Entries = [#{date => ?D, title => binary:copy(<<"x">>, 1000)} || _ <- lists:seq(1, 50)],
    Bytes = term_to_binary(book_list(Entries), [compressed]),
    <<131, 80, _/binary>> = Bytes,
    ok = file:write_file(filename:join(Folder, "bob"), Bytes),
    Server = node_case:start(#{folder => Folder}),
    ?assertEqual(50, gen_server:call(node_case:list(Server, <<"bob">>), size)),
    0 = node_case:stop(Server).

hostile_names() ->
    [<<"../x">>, <<"a/b">>, <<"/etc/passwd">>, <<0>>, <<"a", 0, "b">>, binary:copy(<<"n">>, 300),
     binary:copy(<<"n">>, 301), binary:copy(<<"/">>, 255), <<".">>, <<"..">>, <<".journal-0-1">>, <<"">>, <<"%">>,
     <<"%2F">>, <<"%a.x">>, <<255, 254>>, <<"new\nline">>, <<"ÅÄÖ"/utf8>>, <<"ÅÄÖ">>, <<" ">>, <<"x y">>, x, "x",
     <<"x">>, 120, '', 'a/b', '..', "../x", [<<"x">>], -1, 1 bsl 100, -(1 bsl 100), <<"~">>, <<"con">>, <<"-rf">>,
     list_to_atom(lists:duplicate(255, $a)), lists:duplicate(300, $l)].

%% Every name is a file inside the folder, none shared, and keys gives the names back.
hostile_names_stay_inside(_Config) ->
    Parent = node_case:folder(),
    Folder = filename:join(Parent, "data"),
    Server = node_case:start(#{folder => Folder}),
    Names = hostile_names(),
    [1 = add(node_case:list(Server, Name), {title, Name}) || Name <- Names],
    ?assertEqual(lists:sort(Names), lists:sort(gen_server:call(node_case:database(Server), keys))),
    0 = node_case:stop(Server),
    ?assertEqual(["data"], names(Parent)),
    ?assertEqual(length(Names), length(names(Folder))),
    Second = node_case:start(#{folder => Folder}),
    [?assertEqual([{title, Name}], titles(node_case:list(Second, Name))) || Name <- Names],
    0 = node_case:stop(Second).

%% The readable names are the book's: the name itself.
name_of_every_byte(_Config) ->
    Server = node_case:start(),
    Database = node_case:database(Server),
    Names = [<<B>> || B <- lists:seq(0, 255)],
    [ok = gen_server:cast(Database, {store, Name, Name}) || Name <- Names],
    ok = gen_server:call(Database, sync, 60000),
    [?assertEqual(Name, gen_server:call(Database, {get, Name})) || Name <- Names],
    ?assertEqual(Names, lists:sort(gen_server:call(Database, keys))),
    [?assertEqual(<<B>>, value(Server, [B])) || B <- lists:seq($a, $z) ++ "AZ09_- "],
    0 = node_case:stop(Server).

corrupt_contents() ->
    List = term_to_binary(book_list([#{date => ?D, title => a}])),
    [{"empty", <<>>}, {"text", <<"hello">>}, {"cut", binary:part(List, 0, byte_size(List) - 3)},
     {"version", <<130, List/binary>>}, {"atom", term_to_binary(ok)}, {"map", term_to_binary(#{})},
     {"next_id", term_to_binary(#{'__struct__' => 'Elixir.Todo.List', next_id => 0, entries => #{}})},
     {"next_id_float", term_to_binary(#{'__struct__' => 'Elixir.Todo.List', next_id => 1.0, entries => #{}})},
     {"entries", term_to_binary(#{'__struct__' => 'Elixir.Todo.List', next_id => 1, entries => []})},
     {"entry", term_to_binary(#{'__struct__' => 'Elixir.Todo.List', next_id => 2, entries => #{1 => a}})},
     {"zeros", binary:copy(<<0>>, 4096)}, {"huge", <<131, 108, 16#FFFFFFFF:32, 97, 1>>},
     {"bad_zlib", <<131, 80, 1000:32, 120, 156, 1, 2, 3>>}].

%% A compressed term that claims to expand to 4 GB.
bomb_is_too_large(_Config) ->
    Folder = node_case:folder(),
    ok = file:write_file(filename:join(Folder, "bomb"), <<131, 80, 16#FFFFFFFF:32, 120, 156, 1, 2, 3>>),
    Server = node_case:start(#{folder => Folder}),
    ?assertEqual({error, too_large}, gen_server:call(node_case:list(Server, <<"bomb">>), size)),
    0 = node_case:stop(Server).

corrupt_files_are_told_and_kept(_Config) ->
    Folder = node_case:folder(),
    [ok = file:write_file(filename:join(Folder, Name), Bytes) || {Name, Bytes} <- corrupt_contents()],
    Server = node_case:start(#{folder => Folder}),
    [begin
         Pid = node_case:list(Server, list_to_binary(Name)),
         Expected = {error, {corrupt, list_to_binary(Name)}},
         [?assertEqual(Expected, gen_server:call(Pid, Request))
          || Request <- [size, entries, {entries, ?D}, {add_entry, #{date => ?D}}, sync]],
         ok = gen_server:cast(Pid, {add_entry, #{date => ?D}}),
         ?assertEqual(Expected, gen_server:call(Pid, size)),
         ?assertEqual({ok, Bytes}, file:read_file(filename:join(Folder, Name)))
     end || {Name, Bytes} <- corrupt_contents()],
    ?assertEqual(1, add(node_case:list(Server, <<"good">>), a)),
    0 = node_case:stop(Server),
    [?assertEqual({ok, Bytes}, file:read_file(filename:join(Folder, Name))) || {Name, Bytes} <- corrupt_contents()],
    ok.

corrupt_file_mended_is_read(_Config) ->
    Folder = node_case:folder(),
    File = filename:join(Folder, "bob"),
    ok = file:write_file(File, <<>>),
    Server = node_case:start(#{folder => Folder}),
    Bob = node_case:list(Server, <<"bob">>),
    ?assertEqual({error, {corrupt, <<"bob">>}}, gen_server:call(Bob, size)),
    ok = file:write_file(File, term_to_binary(book_list([#{date => ?D, title => a}]))),
    ?assertEqual([a], titles(node_case:list(Server, <<"bob">>))),
    0 = node_case:stop(Server).

%% A corrupt file is moved aside when asked, and only then; a healthy list ends and begins anew.
set_aside_begins_anew(_Config) ->
    Folder = node_case:folder(),
    ok = file:write_file(filename:join(Folder, "bob"), <<"rubbish">>),
    Server = node_case:start(#{folder => Folder}),
    Database = node_case:database(Server),
    Bob = node_case:list(Server, <<"bob">>),
    ?assertEqual({error, {corrupt, <<"bob">>}}, gen_server:call(Bob, size)),
    {ok, Aside} = gen_server:call(Database, {set_aside, <<"bob">>}),
    ?assertEqual({ok, <<"rubbish">>}, file:read_file(filename:join(Folder, Aside))),
    ?assertEqual(1, add(node_case:list(Server, <<"bob">>), a)),
    Again = node_case:list(Server, <<"bob">>),
    Monitor = monitor(process, Again),
    {ok, Second} = gen_server:call(Database, {set_aside, <<"bob">>}),
    ?assertEqual(normal, node_case:down(Monitor, Again)),
    ?assertMatch(#{next_id := 2}, value(Server, Second)),
    ?assertEqual([], titles(node_case:list(Server, <<"bob">>))),
    ?assertEqual({error, not_found}, gen_server:call(Database, {set_aside, <<"nobody">>})),
    ?assertEqual([], gen_server:call(Database, keys)),
    0 = node_case:stop(Server).

odd_files_hurt_nobody(_Config) ->
    Folder = node_case:folder(),
    ok = file:make_dir(filename:join(Folder, "directory")),
    "" = os:cmd("mkfifo " ++ filename:join(Folder, "fifo")),
    Server = node_case:start(#{folder => Folder}),
    [?assertMatch({error, _}, gen_server:call(node_case:list(Server, Name), size))
     || Name <- [<<"directory">>, <<"fifo">>]],
    ?assertEqual(1, add(node_case:list(Server, <<"good">>), a)),
    0 = node_case:stop(Server).

%% A folder whose files cannot be replaced: told, nothing lost, works again when the folder does.
folder_unwritable_is_told(_Config) ->
    Server = #{folder := Folder} = node_case:start(),
    Bob = node_case:list(Server, <<"bob">>),
    Alice = node_case:list(Server, <<"alice">>),
    1 = add(Bob, a),
    1 = add(Alice, a),
    Monitor = monitor(process, Bob),
    Saved = Folder ++ ".away",
    ok = file:rename(Folder, Saved),
    ok = file:write_file(Folder, <<"a file where the folder was">>),
    ?assertEqual({error, enotdir}, gen_server:call(Bob, {add_entry, #{date => ?D, title => b}})),
    ?assertEqual(enotdir, node_case:down(Monitor, Bob)),
    ?assertEqual([a], titles(Alice)),
    ok = file:delete(Folder),
    ok = file:rename(Saved, Folder),
    New = node_case:list(Server, <<"bob">>),
    ?assertEqual([a], titles(New)),
    ?assertEqual(2, add(New, c)),
    ?assertEqual(2, add(Alice, b)),
    0 = node_case:stop(Server).

folder_removed_and_back(_Config) ->
    Server = #{folder := Folder} = node_case:start(),
    Bob = node_case:list(Server, <<"bob">>),
    1 = add(Bob, a),
    ok = file:rename(Folder, Folder ++ ".away"),
    ?assertEqual({error, enoent}, gen_server:call(Bob, {add_entry, #{date => ?D, title => b}})),
    ok = file:rename(Folder ++ ".away", Folder),
    New = node_case:list(Server, <<"bob">>),
    ?assertEqual([a], titles(New)),
    ?assertEqual(2, add(New, c)),
    0 = node_case:stop(Server).

database_get_store_delete_keys(_Config) ->
    Server = node_case:start(),
    Database = node_case:database(Server),
    ?assertEqual(nil, gen_server:call(Database, {get, <<"key">>})),
    ?assertEqual([], gen_server:call(Database, keys)),
    ?assertEqual(ok, gen_server:call(Database, {store, <<"key">>, {any, "term"}})),
    ?assertEqual({any, "term"}, gen_server:call(Database, {get, <<"key">>})),
    Worker = gen_server:call(Database, {choose_worker, <<"key">>}),
    ok = gen_server:cast(Worker, {store, <<"key">>, 2}),
    ?assertEqual(2, gen_server:call(Worker, {get, <<"key">>})),
    ?assertEqual([<<"key">>], gen_server:call(Database, keys)),
    ?assertEqual(ok, gen_server:call(Database, {delete, <<"key">>})),
    ?assertEqual(ok, gen_server:call(Database, {delete, <<"key">>})),
    ?assertEqual(nil, gen_server:call(Database, {get, <<"key">>})),
    [?assertEqual({error, badarg}, gen_server:call(Database, Request))
     || Request <- [{get, {a}}, {store, #{}, 1}, {delete, 1.0}, {choose_worker, self()}]],
    ok = file:write_file(file(Server, "bad"), <<"no term">>),
    ?assertEqual({error, {corrupt, <<"bad">>}}, gen_server:call(Database, {get, <<"bad">>})),
    0 = node_case:stop(Server).

%% Whoever stores under a list's key replaces the list; its server ends and reads the new value.
database_store_of_a_live_list(_Config) ->
    Server = node_case:start(),
    Bob = node_case:list(Server, <<"bob">>),
    1 = add(Bob, a),
    Monitor = monitor(process, Bob),
    ok = gen_server:call(node_case:database(Server), {store, <<"bob">>, book_list([#{date => ?D, title => new}])}),
    ?assertEqual(normal, node_case:down(Monitor, Bob)),
    ?assertEqual([new], titles(node_case:list(Server, <<"bob">>))),
    0 = node_case:stop(Server).

choose_worker_is_phash2(_Config) ->
    node_case:seed(),
    Server = node_case:start(#{arguments => ["--workers", "7"]}),
    Database = node_case:database(Server),
    Workers = [Pid || {_, Pid, _, _} <- lists:sort(supervisor:which_children(Database))],
    ?assertEqual(7, length(Workers)),
    Numbered = maps:from_list(lists:zip(lists:seq(0, 6), Workers)),
    [?assertEqual(maps:get(erlang:phash2(Key, 7), Numbered), gen_server:call(Database, {choose_worker, Key}))
     || Key <- [random_terms:key() || _ <- lists:seq(1, 2000)]],
    0 = node_case:stop(Server).

%% Whatever had arrived before the signal is on disk after it, also what waited for a list to be loaded.
clean_stop_leaves_value_files_only(_Config) ->
    Server = #{folder := Folder} = node_case:start(),
    [ok = gen_server:cast(node_case:list(Server, integer_to_binary(N)), {add_entry, #{date => ?D}})
     || N <- lists:seq(1, 200)],
    200 = gen_server:call(node_case:cache(Server), count), % all casts have been read, not all lists are loaded
    0 = node_case:stop(Server),
    Names = names(Folder),
    ?assertEqual(lists:sort([integer_to_list(N) || N <- lists:seq(1, 200)]), Names),
    [?assertMatch(#{next_id := 2}, value(Server, Name)) || Name <- Names],
    ok.

second_node_in_folder_refuses(_Config) ->
    Server = #{folder := Folder} = node_case:start(),
    {Status, Output} = node_case:run(["--sname", node_case:unique("todo"), "--persist", Folder],
                                     [{"TODO_COOKIE", "c"}]),
    ?assertEqual(4, Status),
    ?assertMatch([_], string:lexemes(Output, "\n")),
    ?assertNotEqual(nomatch, string:find(Output, "another node")),
    ?assertEqual(1, add(node_case:list(Server, <<"bob">>), a)),
    0 = node_case:stop(Server).

changed_worker_count(_Config) ->
    First = node_case:start(#{arguments => ["--workers", "1"]}),
    Keys = lists:seq(1, 50),
    [ok = gen_server:call(node_case:database(First), {store, Key, Key}) || Key <- Keys],
    0 = node_case:stop(First),
    Second = node_case:start((maps:with([folder], First))#{arguments => ["--workers", "5"]}),
    [?assertEqual(Key, gen_server:call(node_case:database(Second), {get, Key})) || Key <- Keys],
    0 = node_case:stop(Second).

expired_list_comes_back(_Config) ->
    Server = node_case:start(#{arguments => ["--expire", "1"]}),
    Bob = node_case:list(Server, <<"bob">>),
    1 = add(Bob, a),
    Monitor = monitor(process, Bob),
    ?assertEqual(normal, node_case:down(Monitor, Bob)),
    ?assertEqual(nil, gen_server:call(node_case:cache(Server), {whereis, <<"bob">>})),
    ?assertEqual([a], titles(node_case:list(Server, <<"bob">>))),
    0 = node_case:stop(Server).
