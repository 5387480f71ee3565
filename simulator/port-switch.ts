// What people may set of a simulated port: whether it is switched on, and whether it feeds what hangs on it. Nothing of it touches the counters.

export class PortSwitch {
  /** ifAdminStatus. */
  adminUp: boolean;
  /** pethPsePortAdminEnable. */
  fed = true;
  /** What hangs on it has hung itself up: its link is down until the port or its power has been off and on again. */
  #hung = false;

  constructor(adminUp: boolean) {
    this.adminUp = adminUp;
  }

  get linkUp(): boolean {
    return this.adminUp && this.fed && !this.#hung;
  }

  /** Until it was switched off and on. */
  hang(): void {
    this.#hung = true;
  }

  setAdmin(up: boolean): void {
    if (!up) this.#hung = false;
    this.adminUp = up;
  }

  setFed(on: boolean): void {
    if (!on) this.#hung = false;
    this.fed = on;
  }
}
