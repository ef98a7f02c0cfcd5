// A run's events over a WebSocket, taken up again after every break from the last number seen: none twice, none missed.
export type RunEvent = { seq: number; time: string; kind: string; data: Record<string, any> };

const LONGEST = 8000; // milliseconds between two attempts
const SIGNED_OUT = 1008;

export class Stream {
  after = 0;
  #socket?: WebSocket;
  #timer = 0;
  #delay = 250;
  #closed = false;

  constructor(
    private run: string,
    private onEvents: (events: RunEvent[]) => void,
    private onState: (open: boolean) => void,
  ) {
    window.addEventListener("online", this.#now);
  }

  open() {
    const url = new URL(`/api/v1/stream?run=${encodeURIComponent(this.run)}&after=${this.after}`, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = (this.#socket = new WebSocket(url));
    socket.onopen = () => {
      this.#delay = 250;
      this.onState(true);
    };
    socket.onmessage = (message) => this.#take(JSON.parse(message.data), socket);
    socket.onclose = ({ code }) => {
      if (this.#closed || socket !== this.#socket) return;
      if (code === SIGNED_OUT) return location.reload(); // the server leads to the sign-in page and back
      this.onState(false);
      this.#timer = window.setTimeout(() => this.open(), this.#delay * (0.7 + Math.random() * 0.6));
      this.#delay = Math.min(this.#delay * 2, LONGEST);
    };
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    window.removeEventListener("online", this.#now);
    this.#socket?.close();
  }

  #now = () => {
    if (this.#socket?.readyState !== WebSocket.CLOSED) return;
    clearTimeout(this.#timer);
    this.open();
  };

  #take(batch: RunEvent[], socket: WebSocket) {
    const fresh = batch.filter((event) => event.seq > this.after);
    const first = fresh[0];
    if (!first) return;
    if (first.seq !== this.after + 1) return socket.close(); // a gap: ask again from the last one seen
    this.after = fresh[fresh.length - 1]!.seq;
    this.onEvents(fresh);
  }
}
