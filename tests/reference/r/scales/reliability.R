# Reliability, factorability, parallel analysis, exploratory factors and pooling over imputations: values of psych, semTools, mice.
suppressMessages({library(lavaan); library(psych); library(semTools); library(GPArotation); library(mice)})
options(digits = 15)
bfi <- read.csv("../../scales/bfi.csv")
reversed <- c("A1", "C4", "C5", "E1", "E2", "O2", "O5")
for (item in reversed) bfi[[item]] <- 7 - bfi[[item]]
hs <- read.csv("../../scales/holzinger_swineford.csv")
rows <- list()
add <- function(data, quantity, term, value) rows[[length(rows) + 1]] <<- data.frame(data, quantity, term, value = as.numeric(value))
scales <- c(lapply(c(A = "A", C = "C", E = "E", N = "N", O = "O"), function(f) bfi[paste0(f, 1:5)]),
  list(visual = hs[paste0("x", 1:3)], textual = hs[paste0("x", 4:6)], speed = hs[paste0("x", 7:9)]))
for (name in names(scales)) {
  pairwise <- suppressWarnings(alpha(scales[[name]], warnings = FALSE))
  add(name, "alpha_pairwise", "", pairwise$total$raw_alpha)
  items <- na.omit(scales[[name]])
  found <- suppressWarnings(alpha(items, warnings = FALSE))
  add(name, "n", "", nrow(items))
  add(name, "alpha", "", found$total$raw_alpha)
  add(name, "mean_r", "", found$total$average_r)
  bounds <- alpha.ci(found$total$raw_alpha, n.obs = nrow(items), n.var = ncol(items), p.val = .05, digits = 15)
  add(name, "alpha_low", "", bounds$lower.ci); add(name, "alpha_high", "", bounds$upper.ci)
  for (item in names(items)) {
    add(name, "item_rest", item, found$item.stats[item, "r.drop"])
    add(name, "alpha_dropped", item, suppressWarnings(alpha(items[setdiff(names(items), item)], warnings = FALSE))$total$raw_alpha)
  }
  model <- paste("f =~", paste(names(items), collapse = " + "))
  fit <- cfa(model, items, meanstructure = TRUE, optim.method = "GN", optim.gn.tol.x = 1e-13, optim.gn.iter.max = 1000L)
  old <- suppressWarnings(suppressMessages(reliability(fit)))
  add(name, "omega", "", old["omega", 1])           # Bollen 1980, Raykov 2001: the variance that the model implies
  l <- standardizedSolution(fit); l <- l$est.std[l$op == "=~"]
  add(name, "ave_standardized", "", mean(l^2))
  add(name, "cr_standardized", "", sum(l)^2 / (sum(l)^2 + sum(1 - l^2)))
  add(name, "ave_semtools", "", old["avevar", 1])   # raw loadings
}
for (name in c("bfi", "hs")) {
  items <- if (name == "bfi") na.omit(bfi) else hs[paste0("x", 1:9)]
  r <- cor(items)
  found <- KMO(r)
  add(name, "kmo", "", found$MSA)
  for (item in names(items)) add(name, "kmo_item", item, found$MSAi[[item]])
  test <- cortest.bartlett(r, n = nrow(items))
  add(name, "bartlett", "", test$chisq); add(name, "bartlett_df", "", test$df)
  m <- if (name == "bfi") 5 else 3
  # Horn's criterion by simulation, the 95th percentile of 2,000 draws
  set.seed(1)
  draws <- replicate(2000, eigen(cor(matrix(rnorm(nrow(items) * ncol(items)), nrow(items))), TRUE, TRUE)$values)
  for (at in 1:(m + 3)) { add(name, "eigenvalue", at, eigen(r)$values[at]); add(name, "parallel", at, quantile(draws[at, ], .95)) }
  ml <- factanal(covmat = r, n.obs = nrow(items), factors = m, rotation = "none", control = list(nstart = 5, opt = list(factr = 1)))
  for (item in names(items)) add(name, "uniqueness", item, ml$uniquenesses[[item]])
  add(name, "efa_chi2", "", ml$STATISTIC); add(name, "efa_df", "", ml$dof)
  oblique <- oblimin(loadings(ml), eps = 1e-8, maxit = 10000, normalize = FALSE)
  straight <- Varimax(loadings(ml), eps = 1e-8, maxit = 10000, normalize = FALSE)
  for (item in names(items)) for (f in 1:m) { add(name, "oblimin", paste(item, f), unclass(oblique$loadings)[item, f]); add(name, "varimax", paste(item, f), unclass(straight$loadings)[item, f]) }
}
# Pooled over five imputed data sets that a rule without chance makes of Holzinger and Swineford's data.
gaps <- hs; k <- seq_len(nrow(hs))
for (j in 1:9) gaps[[paste0("x", j)]][(k * 7 + j * 13) %% 23 == 0] <- NA
sets <- lapply(1:5, function(m) { d <- gaps; for (j in 1:9) { v <- paste0("x", j); miss <- which(is.na(d[[v]])); seen <- which(!is.na(gaps[[v]])); d[[v]][miss] <- gaps[[v]][seen[(miss * (m + 3) + j * m) %% length(seen) + 1]] }; d })
three <- "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
fits <- lapply(sets, function(d) cfa(three, d, estimator = "MLR"))
chi2 <- sapply(fits, fitMeasures, "chisq")
for (m in 1:5) { add("pooled", "chi2_set", m, chi2[m]); add("pooled", "scaling_set", m, fitMeasures(fits[[m]], "chisq.scaling.factor")) }
mi <- suppressWarnings(runMI(three, data = sets, fun = "cfa", estimator = "MLR"))
measures <- suppressWarnings(suppressMessages(fitMeasures(mi, test = "D2", output = "vector", scale.W = FALSE)))
for (name in names(measures)) add("pooled", "measure", name, measures[[name]])
test <- semTools:::calculate.D2(chi2, 24)
for (name in names(test)) add("pooled", "d2", name, test[[name]])
estimates <- suppressMessages(summary(mi, output = "data.frame", scale.W = FALSE, asymptotic = FALSE))
estimates <- estimates[estimates$op == "=~", ]
for (i in seq_len(nrow(estimates))) { term <- paste(estimates$lhs[i], "->", estimates$rhs[i]); add("pooled", "estimate", term, estimates$est[i]); add("pooled", "std_error", term, estimates$se[i]) }
found <- do.call(rbind, rows)
found$value <- sprintf("%.15g", found$value)
write.csv(found, "reliability.csv", row.names = FALSE, quote = which(names(found) == "term"))
