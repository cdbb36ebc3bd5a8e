/**
 * The order of runs: everybody once, then everybody again, another one first
 * each time. A round that does not count comes before.
 */

/** Somebody who takes turns. */
export interface Player {
  readonly name: string;
  /** One run, with all that has to be done before it; gives its seconds. */
  play(): Promise<number>;
}

/** The counted times of one player. */
export interface Series {
  readonly name: string;
  readonly seconds: number[];
}

export interface TurnOptions {
  rounds: number;
  /** Runs of each in one round; what is short needs more for a steady median. */
  repeat?: number;
  /** Without the round that does not count. */
  cold?: boolean;
  /** Told after each round; 0 is the one that does not count. */
  onRound?: (round: number, series: readonly Series[]) => void;
}

/** Lets all take turns. A run that fails ends everything. */
export async function takeTurns(
  players: readonly Player[],
  { rounds, repeat = 1, cold = false, onRound }: TurnOptions,
): Promise<Series[]> {
  const series = players.map(({ name }) => ({ name, seconds: [] as number[] }));
  for (let round = cold ? 1 : 0; round <= rounds; round++) {
    for (let turn = 0; turn < repeat; turn++) {
      for (let place = 0; place < players.length; place++) {
        // Another one starts each time, so that nobody always follows the same.
        const index = (place + round + turn) % players.length;
        const seconds = await players[index]!.play();
        if (round > 0) series[index]!.seconds.push(seconds);
      }
    }
    onRound?.(round, series);
  }
  return series;
}
