defmodule ServerTest do
  use ExUnit.Case

  @today ~D[2024-03-04]
  @tomorrow ~D[2024-03-05]

  setup context do
    {:ok, server} = Todo.Server.start("#{context.test}")
    %{server: server}
  end

  test "a cast is seen by the next call", %{server: server} do
    for n <- 1..100, do: assert(Todo.Server.add_entry(server, %{date: @today, title: n}) == :ok)

    assert server |> Todo.Server.entries(@today) |> Enum.map(&{&1.id, &1.title}) ==
             for(n <- 1..100, do: {n, n})
  end

  test "an acknowledged entry is in the file that anybody can read", %{server: server} = context do
    assert Todo.Server.add_entry!(server, %{date: @today, title: "Sweep"}) == {:ok, 1}
    assert Todo.Server.add_entries(server, [%{date: @tomorrow}, %{date: @today}]) == {:ok, [2, 3]}
    assert Todo.Database.get("#{context.test}") |> Todo.List.entries(@tomorrow) == [%{id: 2, date: @tomorrow}]
  end

  test "entries, entry and size", %{server: server} do
    {:ok, [1, 2]} = Todo.Server.add_entries(server, Stream.map([@today, @tomorrow], &%{date: &1}))
    assert Todo.Server.entries(server) == [%{id: 1, date: @today}, %{id: 2, date: @tomorrow}]
    assert Todo.Server.entry(server, 2) == %{id: 2, date: @tomorrow}
    assert Todo.Server.entry(server, 3) == nil
    assert Todo.Server.size(server) == 2
  end

  test "an entry is replaced by another, or by what a function makes of it", %{server: server} do
    {:ok, id} = Todo.Server.add_entry!(server, %{date: @today, title: "Sweep"})
    assert Todo.Server.update_entry(server, id, &%{&1 | date: @tomorrow}) == :ok
    assert Todo.Server.entries(server, @today) == []
    assert Todo.Server.update_entry(server, id, %{date: @tomorrow, title: "Mop"}) == :ok
    assert Todo.Server.entries(server, @tomorrow) == [%{id: id, date: @tomorrow, title: "Mop"}]
  end

  test "no increment of many callers is lost", %{server: server} do
    {:ok, id} = Todo.Server.add_entry!(server, %{date: @today, count: 0})

    1..10
    |> Enum.map(fn _ ->
      Task.async(fn ->
        for _ <- 1..100, do: :ok = Todo.Server.update_entry(server, id, &%{&1 | count: &1.count + 1})
      end)
    end)
    |> Task.await_many(60_000)

    assert %{count: 1000} = Todo.Server.entry(server, id)
  end

  test "a subscriber is told of each change", %{server: server} do
    assert Todo.Server.subscribe(server) == {:ok, 0}
    {:ok, [1, 2]} = Todo.Server.add_entries(server, [%{date: @today}, %{date: @tomorrow}])
    :ok = Todo.Server.update_entry(server, 2, &%{&1 | date: @today})
    :ok = Todo.Server.delete_entry(server, 1)
    assert_receive {:todo_event, ^server, 1, {:add_entry, %{id: 1, date: @today}}}
    assert_receive {:todo_event, ^server, 2, {:add_entry, %{id: 2, date: @tomorrow}}}
    assert_receive {:todo_event, ^server, 3, {:update_entry, %{id: 2, date: @today}}}
    assert_receive {:todo_event, ^server, 4, {:delete_entry, 1}}
    assert Todo.Server.subscribe(server, self()) == {:ok, 4}
    assert Todo.Server.unsubscribe(server) == :ok
    :ok = Todo.Server.delete_entry(server, 2)
    refute_received {:todo_event, _, _, _}
  end

  test "a subscriber that answers each event, until it does not", %{server: server} do
    assert Todo.Server.subscribe(server, self(), ack: 300) == {:ok, 0}
    {:ok, [1, 2]} = Todo.Server.add_entries(server, [%{date: @today}, %{date: @tomorrow}])
    assert_receive {:"$gen_call", from, {:todo_event, ^server, 1, {:add_entry, %{id: 1}}}}
    refute_received {:"$gen_call", _, _}
    GenServer.reply(from, :ok)
    assert_receive {:"$gen_call", from, {:todo_event, ^server, 2, {:add_entry, %{id: 2}}}}
    assert_receive {:todo_unsubscribed, ^server, 1, :timeout}, 2000
    GenServer.reply(from, :too_late)
    :ok = Todo.Server.delete_entry(server, 1)
    refute_received _
    assert {:ok, 3} = Todo.Server.subscribe(server)
  end

  test "deleting is final, and no error for what is not there", %{server: server} do
    {:ok, [1, 2]} = Todo.Server.add_entries(server, [%{date: @today}, %{date: @today}])
    assert Todo.Server.delete_entry(server, 2) == :ok
    assert Todo.Server.delete_entry(server, 2) == :ok
    assert Todo.Server.entries(server, @today) == [%{id: 1, date: @today}]
    assert Todo.Server.add_entry!(server, %{date: @today}) == {:ok, 3}
  end

  test "what cannot be served is an answer, and nothing changes", %{server: server} do
    assert Todo.Server.add_entry!(server, %{title: "when?"}) == {:error, {:badarg, :no_date}}
    assert Todo.Server.add_entry!(server, [:no, :map]) == {:error, :badarg}
    assert Todo.Server.add_entries(server, [%{date: @today}, %{}]) == {:error, {:badarg, :no_date}}
    assert Todo.Server.update_entry(server, 1, %{date: @today}) == {:error, :not_found}

    assert Todo.Server.update_entry(server, 1, fn _ -> flunk("called for no entry") end) ==
             {:error, :not_found}

    assert GenServer.call(server, {:no, :request}) == {:error, {:bad_request, {:no, :request}}}
    Todo.Server.add_entry(server, %{title: "when?"})
    GenServer.cast(server, :nonsense)
    send(server, :nonsense)
    assert Todo.Server.entries(server) == []
  end

  test "a function that raises changes nothing", %{server: server} do
    {:ok, id} = Todo.Server.add_entry!(server, %{date: @today})
    assert_raise KeyError, fn -> Todo.Server.update_entry(server, id, &Map.fetch!(&1, :missing)) end
    assert Todo.Server.update_entry(server, id, &Map.delete(&1, :date)) == {:error, {:badarg, :no_date}}
    assert Todo.Server.entry(server, id) == %{id: id, date: @today}
  end

  test "sync covers the casts before it", %{server: server} = context do
    for n <- 1..10, do: Todo.Server.add_entry(server, %{date: @today, title: n})
    assert Todo.Server.sync(server) == :ok
    Process.exit(server, :kill)

    {:ok, again} =
      Eventually.await(fn -> with {:ok, ^server} <- Todo.Server.start("#{context.test}"), do: nil end)

    assert length(Todo.Server.entries(again, @today)) == 10
  end

  test "it ends as a GenServer does", %{server: server} = context do
    Todo.Server.add_entry(server, %{date: @today})
    monitor = Process.monitor(server)
    assert GenServer.stop(server) == :ok
    assert_receive {:DOWN, ^monitor, :process, ^server, :normal}, 30_000
    assert {:noproc, _} = catch_exit(Todo.Server.entries(server, @today))
    {:ok, again} = Todo.Server.start("#{context.test}")
    assert again != server
    assert Todo.Server.entries(again, @today) == [%{id: 1, date: @today}]
  end
end
