%%% @doc Keeps one {@link todo_node} running.
-module(todo_sup).
-behaviour(supervisor).

-export([start_link/0]).
-export([init/1]).

%% @doc Starts the supervisor and with it the node.
-spec start_link() -> supervisor:startlink_ret().
start_link() ->
    supervisor:start_link({local, ?MODULE}, ?MODULE, []).

%% @private
-spec init([]) -> {ok, {supervisor:sup_flags(), [supervisor:child_spec()]}}.
init([]) ->
    Owner = #{id => todo_node,
              start => {todo_node, start_link, []},
              shutdown => todo_node:shutdown_time()},
    {ok, {#{strategy => one_for_one, intensity => 5, period => 30}, [Owner]}}.
