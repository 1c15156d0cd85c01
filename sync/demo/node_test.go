package main

import (
	"encoding/json"
	"io"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("A node", func() {
	It("carries out commands, says which it can't, and ends when there can be no more", func(ctx SpecContext) {
		server, err := openBackend(ctx, "")
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(server.close)
		in, commands := io.Pipe()
		out, reports := io.Pipe()
		ended := make(chan error, 1)
		go func() {
			defer reports.Close()
			ended <- runNode(ctx, "alpha", "test", server.url, in, reports)
		}()
		heard := make(chan report, 100)
		go func() {
			defer close(heard)
			for decoder := json.NewDecoder(out); ; {
				var r report
				if decoder.Decode(&r) != nil {
					return
				}
				heard <- r
			}
		}()
		told := json.NewEncoder(commands)

		Expect(told.Encode(command{Do: set, Key: "user:1", Value: "one"})).To(Succeed())
		Eventually(ctx, heard).Should(Receive(HaveField("State", HaveField("Entries", HaveKeyWithValue("user:1", "one")))))
		Expect(told.Encode(command{Do: deafen})).To(Succeed())
		Eventually(ctx, heard).Should(Receive(HaveField("State", HaveField("Deaf", true))))
		Expect(told.Encode(command{Do: hear})).To(Succeed())
		Eventually(ctx, heard).Should(Receive(HaveField("State", HaveField("Deaf", false))))
		Expect(told.Encode(command{Do: invalidate, Key: "user:*"})).To(Succeed())
		Eventually(ctx, heard).Should(Receive(HaveField("State", HaveField("Entries", BeEmpty()))))
		Expect(told.Encode(command{Do: "dance"})).To(Succeed())
		Eventually(ctx, heard).Should(Receive(HaveField("Event", HaveField("Text", ContainSubstring("dance  failed: no such command")))))

		Expect(commands.Close()).To(Succeed())
		Eventually(ctx, ended).Should(Receive(BeNil()))
	}, SpecTimeout(time.Minute))
})
