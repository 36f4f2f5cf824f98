defmodule DatabaseTest do
  use ExUnit.Case

  setup_all do
    {:ok, database} = Todo.Database.start()
    %{database: database}
  end

  test "the database is there once", %{database: database} do
    assert node(database) == :todo.node()
    assert Todo.Database.start() == {:ok, database}
  end

  test "any term under any name" do
    for {key, term} <- [{"text", "value"}, {:atom, {:a, [%{b: 1.5}]}}, {17, ~D[2024-03-04]}, {~c"chars", nil}] do
      assert Todo.Database.store(key, term) == :ok
      assert Todo.Database.get(key) == term
    end

    assert Todo.Database.get("nothing here") == nil
  end

  test "what was stored with store! is on disk as the term itself" do
    assert Todo.Database.store!("on disk", {:a, "term"}) == :ok
    file = Application.fetch_env!(:todo, :persist) |> Path.join("on disk")
    assert Eventually.await(fn -> File.exists?(file) end)
    assert file |> File.read!() |> :erlang.binary_to_term() == {:a, "term"}
  end

  test "delete and keys" do
    assert Todo.Database.store!("to go", 1) == :ok
    assert "to go" in Todo.Database.keys()
    assert Todo.Database.delete("to go") == :ok
    assert Todo.Database.delete("to go") == :ok
    refute "to go" in Todo.Database.keys()
    assert Todo.Database.get("to go") == nil
  end

  test "a key always has the same worker, which serves it too", %{database: database} do
    workers = for {_, pid, _, _} <- Supervisor.which_children(database), do: pid
    assert length(workers) == 3

    for key <- ["anna", "otto", :anna, 12], n <- 1..3 do
      worker = Todo.Database.choose_worker(key)
      assert worker in workers
      assert Todo.Database.choose_worker(key) == worker
      assert Todo.DatabaseWorker.store(worker, key, {n, key}) == :ok
      assert Todo.DatabaseWorker.get(worker, key) == {n, key}
      assert Todo.Database.get(key) == {n, key}
    end
  end

  test "a key that is none is refused" do
    assert Todo.Database.get({:no, "key"}) == {:error, :badarg}
    assert Todo.Database.store!(%{}, 1) == {:error, :badarg}
    assert Todo.Database.store(%{}, 1) == :ok
    assert Todo.Database.choose_worker(self()) == {:error, :badarg}
    assert is_list(Todo.Database.keys())
  end

  test "a list's value is what the pure functions take" do
    {:ok, server} = Todo.Server.start("a list")
    {:ok, 1} = Todo.Server.add_entry!(server, %{date: ~D[2024-03-04], title: "Bake"})
    value = Todo.Database.get("a list")
    assert %Todo.List{next_id: 2} = value
    assert value == Todo.List.new([%{date: ~D[2024-03-04], title: "Bake"}])
  end

  test "a list reads what was stored under its name" do
    Todo.Database.store("written", Todo.List.new([%{date: ~D[2024-03-04], title: "Bake"}]))
    {:ok, server} = Todo.Server.start("written")
    assert [%{id: 1, title: "Bake"}] = Todo.Server.entries(server, ~D[2024-03-04])
  end
end
