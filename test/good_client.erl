%% Calls a list all the time, while a test does something else to its node.
-module(good_client).

-export([start/1, stop/1]).

-define(ANSWER_MS, 5000).

%% Each call has to be answered within 5 s, or who has started it goes down with it.
-spec start(pid()) -> pid().
start(List) ->
    spawn_link(fun() -> call(List, 0, 0) end).

%% How many calls were answered, and what the slowest of them took in milliseconds.
-spec stop(pid()) -> {pos_integer(), non_neg_integer()}.
stop(Client) ->
    Client ! {self(), stop},
    receive
        {Client, Calls, WorstMs} ->
            ct:pal("~b calls of the good client, the slowest took ~b ms", [Calls, WorstMs]),
            {Calls, WorstMs}
    after 2 * ?ANSWER_MS -> error(not_served)
    end.

call(List, Calls, WorstUs) ->
    {Us, {ok, _}} = timer:tc(gen_server, call, [List, {add_entry, #{date => {2023, 12, 19}}}, ?ANSWER_MS]),
    receive
        {From, stop} -> From ! {self(), Calls + 1, max(Us, WorstUs) div 1000}
    after 1 ->
            call(List, Calls + 1, max(Us, WorstUs))
    end.
