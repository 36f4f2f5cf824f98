%% Chooses the worker of a key. The functions run in the caller, which then talks to the worker itself.
-module(reference_database).

-behaviour(gen_server).

-export([store/2, get/1, sync/1]).
-export([init/1, handle_call/3, handle_cast/2]).

-define(DATABASE, 'Elixir.Todo.Database').
-define(WORKERS, 3).

-type state() :: tuple(). % the workers' pids

-spec store(binary(), term()) -> ok.
store(Key, Value) ->
    gen_server:cast(worker(Key), {store, Key, Value}).

%% nil: there is none.
-spec get(binary()) -> term().
get(Key) ->
    gen_server:call(worker(Key), {get, Key}, infinity).

%% What was stored before has been written.
-spec sync(binary()) -> ok.
sync(Key) ->
    gen_server:call(worker(Key), sync, infinity).

worker(Key) ->
    gen_server:call(?DATABASE, {choose_worker, Key}, infinity).

-spec init(file:filename()) -> {ok, state()}.
init(Folder) ->
    ok = filelib:ensure_dir(filename:join(Folder, ".")),
    Started = [gen_server:start_link(reference_worker, Folder, []) || _ <- lists:seq(1, ?WORKERS)],
    {ok, list_to_tuple([Worker || {ok, Worker} <- Started])}.

-spec handle_call({choose_worker, binary()}, gen_server:from(), state()) -> {reply, pid(), state()}.
handle_call({choose_worker, Key}, _From, Workers) ->
    {reply, element(1 + erlang:phash2(Key, tuple_size(Workers)), Workers), Workers}.

-spec handle_cast(term(), state()) -> {noreply, state()}.
handle_cast(_Request, Workers) ->
    {noreply, Workers}.
