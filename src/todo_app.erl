%%% @doc The application: starts the supervisor that keeps the node running.
-module(todo_app).
-behaviour(application).

-export([start/2, stop/1]).

%% @doc Starts the supervision tree; returns when the node answers calls.
-spec start(application:start_type(), term()) -> {ok, pid()} | {error, term()}.
start(_Type, _Args) ->
    case todo_sup:start_link() of
        {ok, Pid} -> {ok, Pid};
        {error, Reason} -> {error, Reason};
        ignore -> {error, ignore}
    end.

%% @doc The node has stopped: nobody shall ask for its name any more.
-spec stop(term()) -> ok.
stop(_State) ->
    todo_node:forget().
