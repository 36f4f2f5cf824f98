%%% @doc To-do lists on the C node, from Erlang.
%%%
%%% A list is a process on the node; {@link server_process/1} gives its pid. Every function is one message of
%%% docs/protocol.md to it, to the cache or to the database. Calls exit as {@link gen_server:call/2} does (timeout
%%% 5 s, `noproc', `{nodedown, Node}', ...), also where they are made by {@link todo_call}; what the node refuses is
%%% returned as `{error, Reason}'.
-module(todo).

-compile({no_auto_import, [node/0, get/1, size/1]}).

-export([start/0, stop/0, node/0]).
-export([server_process/1, server_process/2, whereis_server/1, names/0, count/0]).
-export([add_entry/2, add_entry_sync/2, add_entries/2]).
-export([entries/1, entries/2, entry/2, size/1]).
-export([update_entry/3, delete_entry/2, sync/1]).
-export([subscribe/1, subscribe/2, subscribe/3, unsubscribe/1, unsubscribe/2]).
-export([store/2, store_sync/2, get/1, delete/1, set_aside/1, keys/0, choose_worker/1]).

-export_type([name/0, list_server/0, entry/0, id/0, date/0, refused/0, server/0, seq/0, event/0]).

-type name() :: binary() | atom() | integer() | iodata().
%% Of a list, or a key of the database. Compared as a term.
-type list_server() :: pid().
%% A list's process on the node.
-type id() :: pos_integer().
%% Of an entry in its list.
-type date() :: term().
%% Usually `{Year, Month, Day}' or an Elixir `Date'; compared with `=:='.
-type entry() :: #{date := date(), id => id(), term() => term()}.
%% The list sets `id'; everything else is the caller's.
-type refused() :: {error, term()}.
%% What the node answers to a request that it cannot serve.
-type seq() :: non_neg_integer().
%% How many changes a list's process has made.
-type event() :: {todo_event, list_server(), seq(),
                  {add_entry, entry()} | {update_entry, entry()} | {delete_entry, id()}}.
%% What a subscriber is sent.
-type server() :: pid() | {atom(), node()}.
%% The cache, or any other process that is asked by name.

-define(CACHE, {'Elixir.Todo.Cache', todo_node:name()}).
-define(DATABASE, {'Elixir.Todo.Database', todo_node:name()}).

%%% The node

%% @doc Starts the application, and so the node. Nothing happens where it is running.
-spec start() -> ok | {error, term()}.
start() ->
    case application:ensure_all_started(todo) of
        {ok, _} -> ok;
        {error, Reason} -> {error, Reason}
    end.

%% @doc Stops the application; the node has written everything when this returns.
-spec stop() -> ok | {error, term()}.
stop() ->
    application:stop(todo).

%% @doc The name of the node. Raises `{not_started, todo}' where the application is not running.
-spec node() -> node().
node() ->
    todo_node:name().

%%% The cache

%% @doc The process of the list `Name', started if it is not running.
-spec server_process(name()) -> list_server() | refused().
server_process(Name) ->
    server_process(?CACHE, Name).

%% @doc The same, of a given cache (a pid, or a name and a node).
-spec server_process(server(), name()) -> list_server() | refused().
server_process(Cache, Name) ->
    todo_call:call(gen_server, Cache, {server_process, Name}).

%% @doc The process of the list `Name' if it is running.
-spec whereis_server(name()) -> list_server() | nil | refused().
whereis_server(Name) ->
    todo_call:call(gen_server, ?CACHE, {whereis, Name}).

%% @doc The names of the lists that are running.
-spec names() -> [name()].
names() ->
    todo_call:call(gen_server, ?CACHE, names).

%% @doc How many lists are running.
-spec count() -> non_neg_integer().
count() ->
    todo_call:call(gen_server, ?CACHE, count).

%%% A list

%% @doc Adds an entry without waiting. {@link sync/1} tells when it is on disk.
-spec add_entry(list_server(), entry()) -> ok.
add_entry(List, Entry) ->
    gen_server:cast(List, {add_entry, Entry}).

%% @doc Adds an entry and returns its id once it is on disk.
-spec add_entry_sync(list_server(), entry()) -> {ok, id()} | refused().
add_entry_sync(List, Entry) ->
    todo_call:call(gen_server, List, {add_entry, Entry}).

%% @doc Adds all of the entries or none, in one disk write.
-spec add_entries(list_server(), [entry()]) -> {ok, [id()]} | refused().
add_entries(List, Entries) ->
    todo_call:call(gen_server, List, {add_entries, Entries}).

%% @doc All entries, by ascending id.
-spec entries(list_server()) -> [entry()] | refused().
entries(List) ->
    todo_call:call(gen_server, List, entries).

%% @doc The entries of a date, by ascending id.
-spec entries(list_server(), date()) -> [entry()] | refused().
entries(List, Date) ->
    todo_call:call(gen_server, List, {entries, Date}).

%% @doc The entry with this id.
-spec entry(list_server(), id()) -> entry() | nil | refused().
entry(List, Id) ->
    todo_call:call(gen_server, List, {entry, Id}).

%% @doc The number of entries.
-spec size(list_server()) -> non_neg_integer() | refused().
size(List) ->
    todo_call:call(gen_server, List, size).

%% @doc Replaces an entry by another, or by what the fun makes of it; returns once that is on disk.
%%
%% The fun runs here and is called again with the newer entry where somebody else changed it meanwhile: no change is
%% lost. The id stays.
-spec update_entry(list_server(), id(), entry() | fun((entry()) -> entry())) -> ok | refused().
update_entry(List, Id, Fun) when is_function(Fun, 1) ->
    case entry(List, Id) of
        nil -> {error, not_found};
        {error, Reason} -> {error, Reason};
        Old -> replace_entry(List, Id, Old, Fun)
    end;
update_entry(List, Id, Entry) ->
    todo_call:call(gen_server, List, {update_entry, Id, Entry}).

replace_entry(List, Id, Old, Fun) ->
    case todo_call:call(gen_server, List, {replace_entry, Id, Old, Fun(Old)}) of
        {error, conflict} -> update_entry(List, Id, Fun);
        Answer -> Answer
    end.

%% @doc Deletes an entry; `ok' for an unknown id too. Returns once that is on disk.
-spec delete_entry(list_server(), id()) -> ok | refused().
delete_entry(List, Id) ->
    todo_call:call(gen_server, List, {delete_entry, Id}).

%% @doc Returns once everything that this list has accepted is on disk.
-spec sync(list_server()) -> ok | refused().
sync(List) ->
    todo_call:call(gen_server, List, sync).

%% @doc The caller is told of each change of the list from now on; see {@link subscribe/2}.
-spec subscribe(list_server()) -> {ok, seq()} | refused().
subscribe(List) ->
    subscribe(List, self()).

%% @doc The process, on whatever node, is sent an {@link event()} for each change of the list from now on, once the
%% change is on disk. `Seq' is the number of the last change before them; each event's is one more than that of the one
%% before.
%%
%% To follow a list, subscribe, monitor it, read {@link entries/1} and apply the events by id: the entries may already
%% show what an event still tells. When the list ends, whoever wants to go on subscribes to the next {@link
%% server_process/1}. A process that ends is no subscriber any more.
-spec subscribe(list_server(), pid()) -> {ok, seq()} | refused().
subscribe(List, Pid) ->
    todo_call:call(gen_server, List, {subscribe, Pid}).

%% @doc The same; with `{ack, Milliseconds}' for a `gen_server' that must not be flooded: each event is a call, the next
%% one comes when that is answered. A subscriber that does not answer in time, or for which too much waits, is sent
%% `{todo_unsubscribed, List, Seq, Reason}' with the last number that it answered, and nothing more.
-spec subscribe(list_server(), pid(), [{ack, 1..16#ffffffff}]) -> {ok, seq()} | refused().
subscribe(List, Pid, Options) ->
    todo_call:call(gen_server, List, {subscribe, Pid, Options}).

%% @doc The caller is told nothing more once this has returned.
-spec unsubscribe(list_server()) -> ok | refused().
unsubscribe(List) ->
    unsubscribe(List, self()).

%% @doc The process is told nothing more; `ok' too where it was no subscriber.
-spec unsubscribe(list_server(), pid()) -> ok | refused().
unsubscribe(List, Pid) ->
    todo_call:call(gen_server, List, {unsubscribe, Pid}).

%%% The database

%% @doc Stores a term under a key without waiting.
-spec store(name(), term()) -> ok.
store(Key, Term) ->
    gen_server:cast(?DATABASE, {store, Key, Term}).

%% @doc Stores a term under a key and returns once it is on disk.
-spec store_sync(name(), term()) -> ok | refused().
store_sync(Key, Term) ->
    todo_call:call(gen_server, ?DATABASE, {store, Key, Term}).

%% @doc The term under a key, `nil' where there is none.
-spec get(name()) -> term().
get(Key) ->
    %% Not by todo_call: what was stored may be {exit, _}.
    gen_server:call(?DATABASE, {get, Key}).

%% @doc Deletes a key; returns once that is on disk.
-spec delete(name()) -> ok | refused().
delete(Key) ->
    todo_call:call(gen_server, ?DATABASE, {delete, Key}).

%% @doc Moves a key's file out of the way, as it is, and gives its new name in the folder. For a file that is corrupt: the
%% list begins anew, the file is kept.
-spec set_aside(name()) -> {ok, binary()} | refused().
set_aside(Key) ->
    todo_call:call(gen_server, ?DATABASE, {set_aside, Key}).

%% @doc The keys on disk.
-spec keys() -> [name()] | refused().
keys() ->
    todo_call:call(gen_server, ?DATABASE, keys).

%% @doc The worker that reads and writes this key: the one with the index `erlang:phash2(Key, N)'.
-spec choose_worker(name()) -> pid() | refused().
choose_worker(Key) ->
    todo_call:call(gen_server, ?DATABASE, {choose_worker, Key}).
