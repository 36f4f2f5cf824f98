defmodule Todo.System do
  @moduledoc """
  The to-do system on the node, as a member of your own supervision tree:

      Supervisor.start_link([Todo.System], strategy: :one_for_one)

  The application `todo` starts, restarts and stops the system; the process started here stands for it in your
  tree: it lives while the system does, and passes calls on to it (`Supervisor.which_children/1`).
  """

  use GenServer

  # Long enough for a restart of the node, so that a supervisor above counts that as one failure.
  @deadline_ms 10_000
  @poll_ms 20

  @doc "As `start_link/1`, without the link."
  @spec start() :: GenServer.on_start()
  def start do
    with :ok <- :todo.start(), do: GenServer.start(__MODULE__, :todo.node())
  end

  @doc "Starts the system where it is not running; the process returned ends when the system does."
  @spec start_link(term()) :: GenServer.on_start()
  def start_link(_arg \\ []) do
    with :ok <- :todo.start(), do: GenServer.start_link(__MODULE__, :todo.node())
  end

  @doc """
  The pid of one of the system's processes: `Todo.Cache`, `Todo.Database` or `Todo.List`.

  Starts the system where it is not running; waits for a process that is being restarted.
  """
  @spec whereis(module()) :: {:ok, pid()} | {:error, term()}
  def whereis(child) do
    with :ok <- :todo.start() do
      await(:todo.node(), fn children ->
        Enum.find_value(children, fn {id, pid, _, _} -> id == child and is_pid(pid) and {:ok, pid} end)
      end)
    end
  end

  @impl GenServer
  def init(node) do
    case await(node, fn children -> children != [] and :ok end) do
      :ok -> {:ok, %{system: {__MODULE__, node}, monitor: Process.monitor({__MODULE__, node})}}
      {:error, reason} -> {:stop, reason}
    end
  end

  # The answer goes from the system straight to the caller.
  @impl GenServer
  def handle_call(request, from, state) do
    send(state.system, {:"$gen_call", from, request})
    {:noreply, state}
  end

  @impl GenServer
  def handle_info({:DOWN, monitor, :process, _system, reason}, %{monitor: monitor} = state) do
    {:stop, {:shutdown, reason}, state}
  end

  def handle_info(_other, state), do: {:noreply, state}

  # Nothing tells when a process on another node has been restarted: ask until `found` is content.
  defp await(node, found) do
    await(node, found, System.monotonic_time(:millisecond) + @deadline_ms)
  end

  defp await(node, found, deadline) do
    cond do
      answer = found.(children(node)) ->
        answer

      System.monotonic_time(:millisecond) >= deadline ->
        {:error, {:not_running, node}}

      true ->
        Process.sleep(@poll_ms)
        await(node, found, deadline)
    end
  end

  defp children(node) do
    Supervisor.which_children({__MODULE__, node})
  catch
    :exit, _not_there -> []
  end
end
