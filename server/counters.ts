/**
 * What has happened since the server started, in numbers: for `netdisk status`
 * and for Prometheus. Counting is adding one to a property; bytes are added when
 * a connection ends, and looked at while it is open.
 */

/** What became of requests of one kind. */
export interface Outcomes {
  ok: number;
  /** Refused, or failed. */
  failed: number;
}

export interface PutOutcomes extends Outcomes {
  /** Given up by the client. */
  cancelled: number;
  /** The connection ended in the middle. */
  interrupted: number;
}

/** Plain numbers, which can be posted from thread to thread. */
export interface Counters {
  connectionsAccepted: number;
  connectionsRefused: number;
  handshakesFailed: number;
  /** Bytes of the protocol over connections that have ended. */
  received: number;
  sent: number;
  puts: PutOutcomes;
  gets: Outcomes;
  logins: Record<"register" | "login" | "authenticate", Outcomes>;
}

/** All of them, at zero. */
export function newCounters(): Counters {
  const outcomes = () => ({ ok: 0, failed: 0 });
  return {
    connectionsAccepted: 0,
    connectionsRefused: 0,
    handshakesFailed: 0,
    received: 0,
    sent: 0,
    puts: { ...outcomes(), cancelled: 0, interrupted: 0 },
    gets: outcomes(),
    logins: {
      register: outcomes(),
      login: outcomes(),
      authenticate: outcomes(),
    },
  };
}
