%% Finds the server of a name, or starts it.
-module(reference_cache).

-behaviour(gen_server).

-export([init/1, handle_call/3, handle_cast/2]).

-type state() :: #{binary() => pid()}.

-spec init([]) -> {ok, state()}.
init([]) ->
    {ok, #{}}.

-spec handle_call({server_process, binary()}, gen_server:from(), state()) -> {reply, pid(), state()}.
handle_call({server_process, Name}, _From, Servers) ->
    case Servers of
        #{Name := Server} ->
            {reply, Server, Servers};
        #{} ->
            {ok, Server} = gen_server:start(reference_server, Name, []),
            {reply, Server, Servers#{Name => Server}}
    end.

-spec handle_cast(term(), state()) -> {noreply, state()}.
handle_cast(_Request, Servers) ->
    {noreply, Servers}.
