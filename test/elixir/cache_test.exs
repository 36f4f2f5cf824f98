defmodule CacheTest do
  use ExUnit.Case

  @today ~D[2024-03-04]

  setup_all do
    :todo.start()
  end

  test "a name stands for one process" do
    {:ok, cache} = Todo.Cache.start()
    anna = Todo.Cache.server_process(cache, "anna")
    assert is_pid(anna)
    assert node(anna) == :todo.node()
    assert Todo.Cache.server_process(cache, "anna") == anna
    assert Todo.Cache.server_process("anna") == anna
    assert Todo.Cache.server_process(cache, "otto") != anna
    assert Todo.Server.start("anna") == {:ok, anna}
  end

  test "the cache is there once" do
    {:ok, cache} = Todo.Cache.start()
    assert Todo.Cache.start() == {:ok, cache}
  end

  test "the lists of two names are two lists" do
    {:ok, cache} = Todo.Cache.start()
    first = Todo.Cache.server_process(cache, "first")
    second = Todo.Cache.server_process(cache, "second")
    assert Todo.Server.add_entry(first, %{date: @today, title: "Bake bread"}) == :ok
    assert Todo.Server.entries(first, @today) == [%{id: 1, date: @today, title: "Bake bread"}]
    assert Todo.Server.entries(second, @today) == []
  end

  test "a binary, an atom and a charlist are three names" do
    pids = Enum.map(["same", :same, ~c"same"], &Todo.Cache.server_process/1)
    assert pids |> Enum.uniq() |> length() == 3
  end

  test "names, count and whereis tell what is running" do
    {:ok, cache} = Todo.Cache.start()
    before = Todo.Cache.count()
    assert Todo.Cache.whereis("counted") == nil
    counted = Todo.Cache.server_process(cache, "counted")
    assert Todo.Cache.whereis("counted") == counted
    assert Todo.Cache.count() == before + 1
    assert "counted" in Todo.Cache.names()
  end

  test "a name that is none is refused" do
    assert Todo.Cache.server_process({:no, "name"}) == {:error, :badarg}
    assert Todo.Server.start(%{}) == {:error, :badarg}
    assert Todo.Cache.whereis(1.5) == {:error, :badarg}
  end

  test "lists survive the end of the cache, under new pids" do
    {:ok, cache} = Todo.Cache.start()
    kept = Todo.Cache.server_process(cache, "kept")
    Todo.Server.add_entry(kept, %{date: @today, title: "Call home"})
    assert length(Todo.Server.entries(kept, @today)) == 1
    monitor = Process.monitor(kept)

    GenServer.stop(cache)
    assert_receive {:DOWN, ^monitor, :process, ^kept, :shutdown}, 30_000

    {:ok, next} = Todo.Cache.start()
    assert next != cache
    assert [%{title: "Call home"}] = "kept" |> Todo.Cache.server_process() |> Todo.Server.entries(@today)
    assert {:noproc, _} = catch_exit(Todo.Server.size(kept))
  end

  test "many at once get the same process" do
    {:ok, cache} = Todo.Cache.start()

    pids =
      1..50
      |> Enum.map(fn _ -> Task.async(fn -> Todo.Cache.server_process(cache, "popular") end) end)
      |> Task.await_many(30_000)

    assert [_one] = Enum.uniq(pids)
  end
end
