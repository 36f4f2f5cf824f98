%% A client that works on keys of its own until the node is gone, and knows of each change what was asked and answered.
%%
%% Up to `window' calls are on their way at once; they are answered in order. What it is told otherwise than the model
%% says ends it at once.
-module(torture_client).

-export([start/1]).

%% pauses: now and then it does nothing for so long that its lists leave the node's memory (--expire 1).
-type options() :: #{server := node_case:server(), name := term(), seed := term(), pauses => boolean(),
                     keys := [{list | value, Key :: term(), torture_model:history()}]}.
-type wrong_answer() :: #{key := term(), request := term(), expected := term(), answer := term()}.
%% What a client exits with: how it ended (the reason of the call that exited), and what it knows.
-type worked() :: {worked, {exited, term()} | {wrong_answer, wrong_answer()}, [{term(), torture_model:history()}]}.
-export_type([worked/0]).

-define(ANSWER_MS, 30000).
-define(ENTRIES_MAX, 40).
-define(WINDOW_MAX, 8).
%% Steps; a list expires within two of the seconds of --expire.
-define(PAUSE_EVERY, 500).
-define(PAUSE_MS, 2500).
%% A list that was not used for so long may expire before it is used again.
-define(IDLE_MS, 300).

-record(key, {kind,      % list: of entries; value: of the database
              process,   % who is asked: the list's server or a worker; undefined: not known yet; database
              used,      % when it was asked last (milliseconds); undefined: never
              history}).

%% A call that is not answered yet.
-record(call, {id, key, request,
               expected,  % answer
               covers}).  % [{Key, Index}]: what that answer acknowledges

-record(client, {server, name,
                 serial = 0,     % of what it writes: no two changes are the same
                 window,         % calls on their way at most
                 through,        % database | worker: whom it sends its values to
                 keys,           % #{Key => #key{}}
                 names,          % the keys as a tuple, to choose from
                 pauses = false,
                 calls = queue:new()}).

%% It exits with worked().
-spec start(options()) -> {pid(), reference()}.
start(Options) ->
    spawn_monitor(fun() -> init(Options) end).

init(#{server := Server, name := Name, seed := Seed, keys := Keys} = Options) ->
    _ = rand:seed(exsss, Seed),
    Client = #client{pauses = maps:get(pauses, Options, false), server = Server, name = Name, window = rand:uniform(?WINDOW_MAX),
                     through = one_of([database, worker]), names = list_to_tuple([Key || {_, Key, _} <- Keys]),
                     keys = maps:from_list([{Key, #key{kind = Kind, history = History}}
                                            || {Kind, Key, History} <- Keys])},
    {How, Last} = work(Client),
    exit({worked, How, [{Key, History} || {Key, #key{history = History}} <- maps:to_list(Last#client.keys)]}).

work(Client) ->
    try
        forever(Client)
    catch
        throw:{ended, How, Last} -> {How, last_answers(Last)}
    end.

forever(#client{pauses = Pauses} = Client) ->
    case Pauses andalso rand:uniform(?PAUSE_EVERY) =:= 1 of
        true ->
            forever(paused(Client));
        false ->
            Key = any_key(Client),
            forever(answers(Client#client.window, step(Key, known(Key, Client))))
    end.

%% Its lists have expired then.
paused(Client) ->
    Idle = answers(0, Client),
    receive after ?PAUSE_MS -> Idle end.

any_key(#client{names = Names}) ->
    element(rand:uniform(tuple_size(Names)), Names).

%% ---- whom to ask ----

known(Key, #client{keys = Keys, pauses = true} = Client) ->
    Now = erlang:monotonic_time(millisecond),
    case maps:get(Key, Keys) of
        #key{kind = list, used = Used} when Used =:= undefined; Now - Used > ?IDLE_MS ->
            awake(Key, answers(0, Client));
        Known ->
            known_process(Key, with(Key, Known#key{used = Now}, Client))
    end;
known(Key, Client) ->
    known_process(Key, Client).

%% It may expire any time: until it has answered something.
awake(Key, #client{server = Server, keys = Keys} = Client) ->
    Pid = ask_now(node_case:cache(Server), {server_process, Key}, Key, Client),
    case catch gen_server:call(Pid, size, ?ANSWER_MS) of
        Size when is_integer(Size) ->
            Now = erlang:monotonic_time(millisecond),
            with(Key, (maps:get(Key, Keys))#key{process = Pid, used = Now}, Client);
        {'EXIT', _} ->
            awake(Key, Client)
    end.

known_process(Key, #client{server = Server, keys = Keys} = Client) ->
    case maps:get(Key, Keys) of
        #key{process = undefined, kind = list} = Known ->
            Pid = ask_now(node_case:cache(Server), {server_process, Key}, Key, Client),
            with(Key, Known#key{process = Pid}, Client);
        #key{process = undefined} = Known when Client#client.through =:= worker ->
            Pid = ask_now(node_case:database(Server), {choose_worker, Key}, Key, Client),
            with(Key, Known#key{process = Pid}, Client);
        #key{process = undefined} = Known ->
            with(Key, Known#key{process = node_case:database(Server)}, Client);
        _ ->
            Client
    end.

ask_now(Process, Request, Key, Client) ->
    try gen_server:call(Process, Request, ?ANSWER_MS) of
        Pid when is_pid(Pid) -> Pid;
        Other -> wrong_answer(#call{key = Key, request = Request, expected = pid}, Other, Client)
    catch
        exit:{Reason, _} -> throw({ended, {exited, Reason}, Client})
    end.

%% ---- one step ----

step(Key, #client{keys = Keys} = Client) ->
    #{Key := #key{kind = Kind, history = History}} = Keys,
    case Kind of
        list -> list_step(rand:uniform(100), Key, torture_model:entries(torture_model:value(History)), Client);
        value -> value_step(rand:uniform(100), Key, Client)
    end.

list_step(N, Key, Entries, Client) when N =< 8, length(Entries) > ?ENTRIES_MAX ->
    emptied(Key, Client);
list_step(N, Key, _, Client) when N =< 2 ->
    emptied(Key, Client);
list_step(N, Key, _, Client) when N =< 4 ->
    replaced(Key, Client);
list_step(N, Key, _, Client) when N =< 12 ->
    call(Key, entries, Client);
list_step(N, Key, _, Client) when N =< 20 ->
    {Entries, Next} = new_entries(1 + rand:uniform(6), Client),
    call(Key, {add_entries, Entries}, Next);
list_step(N, Key, Entries, Client) when N =< 35 ->
    {Entry, Next} = new_entry(Client),
    {Id, Old} = some_entry(Entries),
    call(Key, {replace_entry, Id, Old, Entry}, Next);
list_step(N, Key, _, Client) when N =< 50 ->
    call(Key, sync, casts(rand:uniform(10), Key, Client));
list_step(_, Key, Entries, Client) ->
    {Change, Next} = list_change(Entries, Client),
    call(Key, Change, Next).

%% One that can be a call or a cast.
list_change(Entries, Client) ->
    {Entry, Next} = new_entry(Client),
    {Id, _} = some_entry(Entries),
    Delete = 5 + 90 * length(Entries) div (2 * ?ENTRIES_MAX),
    case rand:uniform(100) of
        N when N =< Delete -> {{delete_entry, Id}, Next};
        N when N =< Delete + 25 -> {{update_entry, Id, Entry}, Next};
        _ -> {{add_entry, Entry}, Next}
    end.

casts(0, _, Client) ->
    Client;
casts(N, Key, #client{keys = Keys} = Client) ->
    #{Key := #key{history = History}} = Keys,
    {Change, Next} = list_change(torture_model:entries(torture_model:value(History)), Client),
    casts(N - 1, Key, cast(Key, Change, Next)).

%% Behind the back of the list's server, which ends; only when nothing is on its way to that server.
emptied(Key, Client) ->
    at_database(Key, delete, Client).

replaced(Key, Client) ->
    {Entries, Next} = new_entries(rand:uniform(10), Client),
    {_, _, History} = torture_model:asked({add_entries, Entries}, torture_model:new(nil)),
    at_database(Key, {store, torture_model:value(History)}, Next).

at_database(Key, Change, Client) ->
    #client{keys = Keys, server = Server} = Alone = answers(0, Client),
    #{Key := Known} = Keys,
    Database = Known#key{process = node_case:database(Server)},
    #client{keys = #{Key := Then}} = Done = answers(0, call(Key, Change, with(Key, Database, Alone))),
    with(Key, Then#key{process = undefined}, Done).

value_step(N, Key, Client) when N =< 40 ->
    {Term, Next} = new_term(Client),
    call(Key, {store, Term}, Next);
value_step(N, Key, Client) when N =< 60 ->
    call(Key, delete, Client);
value_step(_, Key, #client{through = worker} = Client) ->
    call(Key, sync, value_casts(rand:uniform(5), Key, Client));
value_step(_, Key, #client{keys = Keys} = Client) ->
    Mine = [Each || {Each, #key{kind = value}} <- maps:to_list(Keys)],
    Cast = lists:foldl(fun(Each, Next) -> value_casts(1, Each, known(Each, Next)) end, Client, Mine),
    sync_all(Key, Mine, Cast).

value_casts(0, _, Client) ->
    Client;
value_casts(N, Key, Client) ->
    {Term, Next} = new_term(Client),
    value_casts(N - 1, Key, cast(Key, {store, Term}, Next)).

%% One sync of the database for all that went through it.
sync_all(Key, Keys, Client) ->
    #client{keys = Known} = Client,
    Covers = [{Each, torture_model:index((maps:get(Each, Known))#key.history)} || Each <- Keys],
    send(#call{key = Key, request = sync, expected = ok, covers = Covers}, Client).

%% ---- what is written ----

new_entry(#client{name = Name, serial = Serial} = Client) ->
    Entry = #{date => {2023, 12, rand:uniform(31)}, by => {Name, Serial}, title => rand:bytes(size_bytes())},
    {Entry, Client#client{serial = Serial + 1}}.

%% Mostly small.
size_bytes() ->
    case rand:uniform(50) of
        1 -> rand:uniform(10000);
        _ -> rand:uniform(100) - 1
    end.

new_entries(N, Client) ->
    lists:mapfoldl(fun(_, Next) -> new_entry(Next) end, Client, lists:seq(1, N)).

new_term(#client{name = Name, serial = Serial} = Client) ->
    {{Name, Serial, random_terms:term(2)}, Client#client{serial = Serial + 1}}.

%% Mostly one that is there and as it is.
some_entry(Entries) ->
    case rand:uniform(10) of
        1 -> {rand:uniform(1000000), #{date => never}};
        N when Entries =/= [] ->
            Entry = #{id := Id} = one_of(Entries),
            {Id, case N of 2 -> Entry#{by => nobody}; _ -> Entry end};
        _ -> {1, #{date => never}}
    end.

one_of(List) ->
    lists:nth(rand:uniform(length(List)), List).

%% ---- asking ----

call(Key, Change, #client{keys = Keys} = Client) ->
    #{Key := #key{history = History} = Known} = Keys,
    {Expected, Index, New} = torture_model:asked(Change, History),
    send(#call{key = Key, request = request(Key, Change), expected = Expected, covers = [{Key, Index}]},
         with(Key, Known#key{history = New}, Client)).

send(#call{key = Key, request = Request} = Call, #client{keys = Keys, calls = Calls} = Client) ->
    #{Key := #key{process = Process}} = Keys,
    Client#client{calls = queue:in(Call#call{id = gen_server:send_request(Process, Request)}, Calls)}.

cast(Key, Change, #client{keys = Keys} = Client) ->
    #{Key := #key{process = Process, history = History} = Known} = Keys,
    {_, _, New} = torture_model:asked(Change, History),
    ok = gen_server:cast(Process, request(Key, Change)),
    with(Key, Known#key{history = New}, Client).

%% As a list's server or the database is asked.
request(Key, {store, Term}) -> {store, Key, Term};
request(Key, delete) -> {delete, Key};
request(_, Change) -> Change.

with(Key, Known, #client{keys = Keys} = Client) ->
    Client#client{keys = Keys#{Key := Known}}.

%% ---- answers ----

%% Until no more than Left calls are without one.
answers(Left, #client{calls = Calls} = Client) ->
    case queue:len(Calls) > Left of
        true ->
            {{value, Call}, Rest} = queue:out(Calls),
            answers(Left, answer(Call, Client#client{calls = Rest}));
        false ->
            Client
    end.

answer(#call{id = Id, expected = Expected} = Call, Client) ->
    case gen_server:receive_response(Id, ?ANSWER_MS) of
        {reply, Expected} -> acknowledged(Call, Client);
        {reply, Answer} -> wrong_answer(Call, Answer, Client);
        {error, {Reason, _}} -> throw({ended, {exited, Reason}, Client});
        timeout -> wrong_answer(Call, timeout, Client)
    end.

-spec wrong_answer(#call{}, term(), #client{}) -> no_return().
wrong_answer(#call{key = Key, request = Request, expected = Expected}, Answer, Client) ->
    throw({ended, {wrong_answer, #{key => Key, request => Request, expected => Expected, answer => Answer}}, Client}).

acknowledged(#call{covers = Covers}, Client) ->
    lists:foldl(fun({Key, Index}, #client{keys = Keys} = Next) ->
                        #{Key := #key{history = History} = Known} = Keys,
                        with(Key, Known#key{history = torture_model:acknowledged(Index, History)}, Next)
                end, Client, Covers).

%% Answers that were on their way when the node went.
last_answers(#client{calls = Calls} = Client) ->
    lists:foldl(fun(#call{id = Id, expected = Expected} = Call, Next) ->
                        case gen_server:receive_response(Id, ?ANSWER_MS) of
                            {reply, Expected} -> acknowledged(Call, Next);
                            _ -> Next
                        end
                end, Client, queue:to_list(Calls)).
